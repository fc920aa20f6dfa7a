import { CLOCK_SKEW_MS, picoEuro, type Residency } from '@hanse/protocol'
import { makeAttestation } from '@hanse/protocol/testing'
import { expect, test } from 'vitest'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { decideBooking, type ProviderFacts } from './decide-booking.ts'
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

/** A free session that was accepted now; the order asks for nothing, the authorization for this. */
function decideRuled(residency: Residency | undefined, provider: Partial<ProviderFacts>) {
  const [network, consumer, seller] = ['test', newSigner(), newSigner()]
  const deal = makeDeal({
    network,
    consumer,
    provider: seller,
    at: NOW,
    inputPrice: picoEuro(0n),
    outputPrice: picoEuro(0n),
    residency: { allow: [], minLevel: 0 },
  })
  const policy = { settlement, trustedAttestors: [settlement] }
  const context = { network, ...policy, now: NOW, receiptGraceMs: 60_000 }
  const claim = verifySubmission(deal.submission(0, 1), context)
  const authorization = {
    serial: 1n,
    consumer: consumer.peerId,
    provider: seller.peerId,
    organization: 'org',
    remaining: picoEuro(0n),
    notAfter: NOW + 60_000,
    closed: false,
    residency,
  }
  const known = { country: 'DE', account: 'acct_1', payableSince: NOW, feeBps: 0, ...provider }
  const attested = known.attested?.map((one) => ({
    ...one,
    value: { ...one.value, subject: seller.peerId },
  }))
  const facts = { seen: undefined, session: undefined, organization: 'org' }
  const session = { serial: 1n, ...SESSION, consumer: consumer.peerId, provider: seller.peerId }
  const booking = decideBooking(
    claim,
    { ...facts, session, authorization, provider: { ...known, attested } },
    policy,
  )
  return booking.status === 'rejected' ? booking.code : booking.status
}

const SESSION = {
  sequence: 0n,
  amount: picoEuro(0n),
  fee: picoEuro(0n),
  feeBps: 0,
  inputTokens: 0n,
  outputTokens: 0n,
}

test('what the payer’s organization asks for counts beside the order, which may ask for nothing', () => {
  const ask = (residency?: Residency, provider: Partial<ProviderFacts> = {}) =>
    decideRuled(residency, provider)
  expect(ask()).toBe('booked')
  expect(ask({ allow: ['EU'], minLevel: 3 })).toBe('booked')
  expect(ask({ allow: ['FR'], minLevel: 0 })).toBe('HANSE_POLICY_RESIDENCY')
  expect(ask({ allow: ['EU'], minLevel: 0 }, { country: 'US' })).toBe('HANSE_POLICY_RESIDENCY')
  expect(ask({ allow: [], minLevel: 4 })).toBe('HANSE_POLICY_RESIDENCY')
  expect(ask({ allow: [], minLevel: 0, evidence: ['operator'] })).toBe('HANSE_POLICY_RESIDENCY')
})

test('what this service attested at the time of the session counts, also where it has revoked it since', () => {
  const attested = (revokedAt: number | null) => [
    {
      name: 'x',
      revokedAt,
      value: {
        ...makeAttestation().value,
        evidence: [{ kind: 'operator' as const, reference: 'file 12' }],
        level: 4,
        notBefore: NOW - 1,
        notAfter: NOW + 60_000,
        issuer: settlement,
      },
    },
  ]
  const heard = 60_000 + CLOCK_SKEW_MS
  const documents: Residency = { allow: ['EU'], minLevel: 4, evidence: ['operator'] }
  const ask = (revokedAt: number | null, changes: Partial<ProviderFacts> = {}) =>
    decideRuled(documents, { account: null, attested: attested(revokedAt), ...changes })
  expect(ask(null)).toBe('booked')
  expect(ask(NOW - heard + 1)).toBe('booked')
  expect(ask(NOW - heard)).toBe('HANSE_POLICY_RESIDENCY')
  // Whoever has moved since is where it is now.
  expect(ask(null, { country: 'FR' })).toBe('HANSE_POLICY_RESIDENCY')
})

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
