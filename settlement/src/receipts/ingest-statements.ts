import type { ErrorCode, HanseError } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import type { RefusedSession, StatementClaim } from './claim.ts'
import type { StatementBooking } from './decide-statement.ts'
import { bookVerified, type Verified, verifyItems } from './verified.ts'
import { type StatementSubmission, verifyStatement } from './verify-statement.ts'
import type { VerifyContext } from './verify-submission.ts'

export type StatementResult =
  | {
      readonly status: 'booked' | 'duplicate'
      /** CID. */
      readonly statement: string
      /** Pico-euro over what was booked of its sessions before. */
      readonly increase: bigint
      readonly sessions: (StatementBooking & { status: 'booked' | 'duplicate' })['sessions']
      /** Sessions that were not booked: what may be settled by their receipts. */
      readonly refused: readonly RefusedSession[]
    }
  | { readonly status: 'rejected'; readonly code: ErrorCode; readonly message: string }

/** Sessions booked in one transaction: a tenth of a second in which nobody else books for the same peers. */
export const TRANSACTION_SESSIONS = 5_000

/** Verifies and books statements in this thread; one result for each item, in order. */
export async function ingestStatements(
  { store, signer, network, now, terms, log }: SettlementContext,
  items: readonly (StatementSubmission | HanseError)[],
): Promise<StatementResult[]> {
  const at = now()
  const { receiptGraceMs } = terms
  const verified = await verifyStatements(items, { network, now: at, receiptGraceMs })
  const policy = { settlement: signer.peerId, trustedAttestors: [signer.peerId] }
  return bookStatements(verified, async (claims) => {
    const bookings: StatementBooking[] = []
    for (const batch of transactionsOf(claims)) {
      bookings.push(...(await store.bookStatements(batch, policy, at)))
    }
    log?.added(claims.length)
    return bookings
  })
}

/** A statement of a thousand sessions takes some ten milliseconds: the thread's other work gets a turn after each. */
export function verifyStatements(
  items: readonly (StatementSubmission | HanseError)[],
  context: Pick<VerifyContext, 'network' | 'now' | 'receiptGraceMs'>,
): Promise<Verified<StatementClaim>[]> {
  return verifyItems(items, (item) => verifyStatement(item, context), 1)
}

export function bookStatements(
  verified: readonly Verified<StatementClaim>[],
  book: (claims: readonly StatementClaim[]) => Promise<readonly StatementBooking[]>,
): Promise<StatementResult[]> {
  return bookVerified(verified, book, ({ cid }, booking) =>
    booking.status === 'rejected' ? booking : { ...booking, statement: cid },
  )
}

/** In their order, for the statements of a lane follow one another. */
function transactionsOf(claims: readonly StatementClaim[]): StatementClaim[][] {
  const batches: StatementClaim[][] = []
  let room = 0
  for (const claim of claims) {
    const batch = batches.at(-1)
    if (batch !== undefined && claim.claims.length <= room) batch.push(claim)
    else {
      batches.push([claim])
      room = TRANSACTION_SESSIONS
    }
    room -= claim.claims.length
  }
  return batches
}
