import { CLOCK_SKEW_MS, picoEuro } from '@hanse/protocol'
import { expect, test } from 'vitest'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { decideBooking } from './decide-booking.ts'
import { verifySubmission } from './verify-submission.ts'

const NOW = 1_793_577_600_000
const settlement = newSigner().peerId

/** A free session in the EU, accepted so long after the provider became payable, by the provider's clock. */
function decide(afterMs: number, withheldSince?: number) {
  const network = 'test'
  const deal = makeDeal({
    network,
    consumer: newSigner(),
    provider: newSigner(),
    at: NOW + afterMs,
    inputPrice: picoEuro(0n),
    outputPrice: picoEuro(0n),
    residency: { allow: ['EU'], minLevel: 3 },
  })
  const policy = { settlement, trustedAttestors: [settlement] }
  const context = { network, ...policy, now: NOW, receiptGraceMs: 60_000 }
  const claim = verifySubmission(deal.submission(0, 1), context)
  const provider = { country: 'DE', account: 'acct_1', payableSince: NOW, feeBps: 0, withheldSince }
  const facts = { seen: undefined, session: undefined, authorization: undefined, provider }
  const booking = decideBooking(claim, { ...facts, organization: undefined }, policy)
  return booking.status === 'rejected' ? booking.code : booking.status
}

test('the first sessions of a provider with a slow clock are booked, those before its evidence not', () => {
  expect(decide(0)).toBe('booked')
  expect(decide(-CLOCK_SKEW_MS)).toBe('booked')
  expect(decide(-CLOCK_SKEW_MS - 1)).toBe('HANSE_POLICY_RESIDENCY')
})

test('what was accepted after consumers knew that the provider is elsewhere is not booked, what was before is', () => {
  const withheld = NOW + 60_000
  const heard = 60_000 + 60_000 + CLOCK_SKEW_MS
  expect(decide(heard - 1, withheld)).toBe('booked')
  expect(decide(heard, withheld)).toBe('HANSE_POLICY_RESIDENCY')
})
