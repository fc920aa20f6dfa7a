export { ROLE_MATRIX, type RoleRow } from './access/role-matrix.ts'
export { ROLES, type Role } from './access/roles.ts'
export { type App, type AppOptions, createApp } from './api/app.ts'
export { openApiDocument } from './api/openapi/document.ts'
export type { Problem } from './api/problem.ts'
export { CALLERS, type Caller, type RouteAccess } from './api/route-access.ts'
export { routeTable } from './api/route-table.ts'
export { releaseExpired } from './authorizations/release-expired.ts'
export { type RestoreReport, restore } from './backup/restore.ts'
export { DEFAULT_TERMS, type SettlementContext, type SettlementTerms } from './context.ts'
export { openPGlite, type PGliteStore } from './db/pglite.ts'
export { openStore, type SettlementStore, type StoreOptions } from './db/store.ts'
export { SETTLEMENT_ERRORS, type SettlementCode, SettlementError } from './errors.ts'
export {
  ACCOUNT_KINDS,
  type AccountId,
  type AccountKind,
  accountId,
  TRANSFER_KINDS,
  type TransferKind,
} from './ledger/accounts.ts'
export type { LedgerDifference, LedgerReport } from './ledger/ledger-check.ts'
export type { Balance, LedgerEntry } from './ledger/ledger-store.ts'
export { checkLog, type LogDifference, type LogReport } from './log/check-log.ts'
export { ownerOf } from './log/log-fact.ts'
export { SettlementLog, type SettlementLogOptions } from './log/settlement-log.ts'
export type { WitnessAddress } from './log/witness-feed.ts'
export { type PayoutRun, runPayouts } from './payouts/payout-run.ts'
export type { PayoutRow, PayoutState } from './payouts/payout-store.ts'
export { feeOf } from './receipts/decide-booking.ts'
export { ingest, type SubmissionResult } from './receipts/ingest.ts'
export { ingestStatements, type StatementResult } from './receipts/ingest-statements.ts'
export { STATEMENTS_MAX, writeStatements } from './receipts/statement-batch.ts'
export { SUBMISSIONS_MAX, type Submission, writeSubmissions } from './receipts/submission.ts'
export type { StatementSubmission } from './receipts/verify-statement.ts'
export { openSettlement, type Settlement, type SettlementOptions } from './settlement.ts'
export {
  openStripePayments,
  type Payments,
  PaymentsError,
  type StripeDouble,
  startStripeDouble,
} from './stripe/index.ts'
export { createApiKey } from './tenants/api-key.ts'
