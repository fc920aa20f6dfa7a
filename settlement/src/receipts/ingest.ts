import { setImmediate } from 'node:timers/promises'
import { type ErrorCode, HanseError } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import type { Claim } from './claim.ts'
import type { Booking } from './decide-booking.ts'
import type { Submission } from './submission.ts'
import { verifySubmission } from './verify-submission.ts'

export type SubmissionResult =
  | {
      readonly status: 'booked'
      readonly session: string
      /** Pico-euro over what was booked of this session before. */
      readonly increase: bigint
    }
  | { readonly status: 'duplicate' | 'superseded'; readonly session: string }
  | { readonly status: 'rejected'; readonly code: ErrorCode; readonly message: string }

/** Submissions verified before other requests get a turn: about 10 ms of signature checks. */
const SLICE = 16

/** Verifies and books a batch; one result for each item, in order. One bad item never fails its neighbours. */
export async function ingest(
  { store, signer, network, now, terms, log }: SettlementContext,
  items: readonly (Submission | HanseError)[],
): Promise<SubmissionResult[]> {
  const at = now()
  const context = {
    network,
    settlement: signer.peerId,
    trustedAttestors: [signer.peerId],
    now: at,
    receiptGraceMs: terms.receiptGraceMs,
  }
  const results: (SubmissionResult | undefined)[] = []
  const claims: Claim[] = []
  for (const [i, item] of items.entries()) {
    if (i % SLICE === SLICE - 1) await setImmediate()
    try {
      if (item instanceof HanseError) throw item
      claims.push(verifySubmission(item, context))
      results.push(undefined)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      results.push({ status: 'rejected', code: error.code, message: error.message })
    }
  }
  const policy = { settlement: signer.peerId, trustedAttestors: context.trustedAttestors }
  const bookings = claims.length === 0 ? [] : await store.bookReceipts(claims, policy, at)
  log?.added(claims.length)
  let next = 0
  return results.map((result) => {
    if (result !== undefined) return result
    const i = next++
    return answer(claims[i], bookings[i])
  })
}

function answer(claim: Claim | undefined, booking: Booking | undefined): SubmissionResult {
  if (claim === undefined || booking === undefined) throw new Error('a claim without a booking')
  const { session } = claim
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
