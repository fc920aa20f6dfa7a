import type { ErrorCode, HanseError } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import type { Claim } from './claim.ts'
import type { Booking } from './decide-booking.ts'
import type { Submission } from './submission.ts'
import { bookVerified, type Verified, verifyItems } from './verified.ts'
import { type VerifyContext, verifySubmission } from './verify-submission.ts'

export type SubmissionResult =
  | {
      readonly status: 'booked'
      readonly session: string
      /** Pico-euro over what was booked of this session before. */
      readonly increase: bigint
    }
  | { readonly status: 'duplicate' | 'superseded'; readonly session: string }
  | { readonly status: 'rejected'; readonly code: ErrorCode; readonly message: string }

/** Submissions verified before the thread's other work gets a turn: some milliseconds of signature checks. */
const SLICE = 8

/** Verifies and books a batch in this thread; one result for each item, in order. */
export async function ingest(
  context: SettlementContext,
  items: readonly (Submission | HanseError)[],
): Promise<SubmissionResult[]> {
  const { store, signer, network, now, terms, log } = context
  const at = now()
  const policy = { settlement: signer.peerId, trustedAttestors: [signer.peerId] }
  const { receiptGraceMs } = terms
  const verified = await verifyReceipts(items, { network, ...policy, now: at, receiptGraceMs })
  return bookReceipts(verified, async (claims) => {
    const bookings = await store.bookReceipts(claims, policy, at)
    log?.added(claims.length)
    return bookings
  })
}

export function verifyReceipts(
  items: readonly (Submission | HanseError)[],
  context: VerifyContext,
): Promise<Verified<Claim>[]> {
  return verifyItems(items, (item) => verifySubmission(item, context), SLICE)
}

export function bookReceipts(
  verified: readonly Verified<Claim>[],
  book: (claims: readonly Claim[]) => Promise<readonly Booking[]>,
): Promise<SubmissionResult[]> {
  return bookVerified(verified, book, answer)
}

function answer({ session }: Claim, booking: Booking): SubmissionResult {
  switch (booking.status) {
    case 'booked':
      return { status: 'booked', session, increase: booking.increase }
    case 'rejected':
      return booking
    case 'duplicate':
    case 'superseded':
      return { status: booking.status, session }
  }
}
