// What settlement decides, without its database and its server: for simulations, which run these rules in virtual time.
export {
  DEFAULT_HOLD_BACK,
  type HeldPart,
  type HoldBackSchedule,
  holdBack,
} from '../earnings/hold-back.ts'
export {
  type AccountId,
  accountId,
  accountParts,
  CLEARING,
  isGuarded,
  REVENUE,
  type Transfer,
} from '../ledger/accounts.ts'
export { BookingPlan, type KnownFacts, type KnownLanes } from './booking-plan.ts'
export type { Claim, ReceiptEvidence, RefusedSession, StatementClaim } from './claim.ts'
export {
  type AuthorizationFacts,
  type Booking,
  type BookingPolicy,
  feeOf,
  type ProviderFacts,
  type SessionFacts,
} from './decide-booking.ts'
export type { StatementBooking } from './decide-statement.ts'
export { claimAs } from './session-key.ts'
export { readStatements, STATEMENTS_MAX, writeStatements } from './statement-batch.ts'
export { readSubmissions, type Submission, writeSubmissions } from './submission.ts'
export { type StatementSubmission, verifyStatement } from './verify-statement.ts'
export { type VerifyContext, verifySubmission } from './verify-submission.ts'
