import { setImmediate } from 'node:timers/promises'
import { type ErrorCode, HanseError } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import type { RefusedSession, StatementClaim } from './claim.ts'
import type { StatementBooking } from './decide-statement.ts'
import { type StatementSubmission, verifyStatement } from './verify-statement.ts'

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
const TRANSACTION_SESSIONS = 5_000

/** Verifies and books statements; one result for each item, in order. One bad item never fails its neighbours. */
export async function ingestStatements(
  { store, signer, network, now, terms, log }: SettlementContext,
  items: readonly (StatementSubmission | HanseError)[],
): Promise<StatementResult[]> {
  const at = now()
  const context = { network, now: at, receiptGraceMs: terms.receiptGraceMs }
  const results: (StatementResult | undefined)[] = []
  const claims: StatementClaim[] = []
  for (const item of items) {
    // A statement of a thousand sessions takes some ten milliseconds: other requests get a turn after each.
    await setImmediate()
    try {
      if (item instanceof HanseError) throw item
      claims.push(verifyStatement(item, context))
      results.push(undefined)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      results.push({ status: 'rejected', code: error.code, message: error.message })
    }
  }
  const policy = { settlement: signer.peerId, trustedAttestors: [signer.peerId] }
  const booked: StatementResult[] = []
  for (const batch of transactionsOf(claims)) {
    const bookings = await store.bookStatements(batch, policy, at)
    booked.push(...batch.map((claim, i) => answer(claim, bookings[i])))
  }
  log?.added(claims.length)
  return results.map((result) => result ?? booked.shift() ?? lost())
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

function answer({ cid }: StatementClaim, booking: StatementBooking | undefined): StatementResult {
  if (booking === undefined) return lost()
  return booking.status === 'rejected' ? booking : { ...booking, statement: cid }
}

function lost(): never {
  throw new Error('a statement without a booking')
}
