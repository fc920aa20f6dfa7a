import {
  cidOf,
  encodeCanonical,
  HanseError,
  picoEuro,
  signBytes,
  spendAuthorization,
} from '@hanse/protocol'
import { expect, test } from 'vitest'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { NETWORK, NOW } from '../testing/market.ts'
import { readSubmissions, type Submission, writeSubmissions } from './submission.ts'
import { verifySubmission } from './verify-submission.ts'

const settlement = newSigner()
const stranger = newSigner()
const [consumer, provider] = [newSigner(), newSigner()]
const context = {
  network: NETWORK,
  settlement: settlement.peerId,
  trustedAttestors: [settlement.peerId],
  now: NOW,
  receiptGraceMs: 1000,
}

function authorizationBy(issuer: typeof settlement) {
  const bytes = spendAuthorization.encode({
    issuer: issuer.peerId,
    consumer: consumer.peerId,
    provider: provider.peerId,
    organization: 'org',
    limit: picoEuro(10n ** 12n),
    issuedAt: NOW,
    notAfter: NOW + 1000,
    serial: 1n,
  })
  return {
    bytes,
    signatures: [signBytes(context, spendAuthorization, bytes, 'settlement', issuer)],
  }
}

const authorization = authorizationBy(settlement)
const terms = { network: NETWORK, consumer, provider, at: NOW, authorization }
const deal = makeDeal(terms)

function codeOf(submission: Submission, now = NOW): string {
  try {
    verifySubmission(submission, { ...context, now })
    return 'fine'
  } catch (error) {
    if (!(error instanceof HanseError)) throw error
    return error.code
  }
}

test('a right submission becomes a claim with the facts of its records', () => {
  const claim = verifySubmission(deal.submission(3, 7), context)
  expect(claim).toMatchObject({
    session: deal.session,
    authorization: cidOf(authorization.bytes).toString(),
    sequence: 3n,
    amount: 10n * 100_000n + 7n * 200_000n,
    outputTokens: 7n,
    acceptedAt: NOW,
  })
  // It crosses to the store's thread.
  expect(structuredClone(claim)).toEqual(claim)
})

const other = makeDeal(terms)
const good = deal.submission(0, 5)
const elsewhere = makeDeal({ ...terms, network: 'elsewhere' }).submission(0, 5)
const cases: [string, string, Submission][] = [
  [
    'one pico-euro too much',
    'HANSE_RECEIPT_AMOUNT',
    deal.submission(0, 5, { amount: picoEuro(2_000_001n) }),
  ],
  [
    'one pico-euro too little',
    'HANSE_RECEIPT_AMOUNT',
    deal.submission(0, 5, { amount: picoEuro(1_999_999n) }),
  ],
  [
    'more input than was accepted',
    'HANSE_RECEIPT_TOKENS',
    deal.submission(0, 5, { inputTokens: 11n }),
  ],
  [
    'more cached than input',
    'HANSE_RECEIPT_TOKENS',
    deal.submission(0, 5, { cachedInputTokens: 11n }),
  ],
  [
    'more output than was ordered',
    'HANSE_RECEIPT_TOKENS',
    makeDeal({ ...terms, orderChanges: { maxOutputTokens: 4n } }).submission(0, 5),
  ],
  [
    'more accepted than was ordered',
    'HANSE_RECEIPT_TOKENS',
    makeDeal({ ...terms, acceptanceChanges: { inputTokens: 101n } }).submission(0, 5),
  ],
  [
    'a first receipt with one before it',
    'HANSE_RECEIPT_CHAIN',
    deal.submission(0, 5, { previous: cidOf(authorization.bytes) }),
  ],
  [
    'another order',
    'HANSE_SIGNATURE_MISSING',
    { ...good, order: makeDeal({ ...terms, consumer: stranger }).order },
  ],
  [
    'an order that nobody signed',
    'HANSE_SIGNATURE_MISSING',
    { ...good, order: { ...good.order, signatures: [] } },
  ],
  [
    'a receipt that only one side signed',
    'HANSE_SIGNATURE_MISSING',
    { ...good, receipt: { ...good.receipt, signatures: good.receipt.signatures.slice(1) } },
  ],
  [
    'an order that was changed after both had signed for it',
    'HANSE_RECEIPT_LINK',
    { ...good, order: other.order },
  ],
  ['another acceptance', 'HANSE_RECEIPT_LINK', { ...good, acceptance: other.acceptance }],
  [
    'another session’s receipt',
    'HANSE_RECEIPT_LINK',
    { ...good, receipt: other.submission(0, 5).receipt },
  ],
  [
    'another authorization',
    'HANSE_RECEIPT_LINK',
    { ...good, authorization: authorizationBy(stranger) },
  ],
  [
    'a foreign authorization',
    'HANSE_AUTHORIZATION_INVALID',
    makeDeal({ ...terms, authorization: authorizationBy(stranger) }).submission(0, 5),
  ],
  [
    'an order in the place of the receipt',
    'HANSE_RECORD_UNKNOWN_TYPE',
    { ...good, receipt: good.order },
  ],
  ['another network', 'HANSE_SIGNATURE_INVALID', elsewhere],
  [
    'bytes that were changed',
    'HANSE_RECORD_MALFORMED',
    { ...good, receipt: { ...good.receipt, bytes: good.receipt.bytes.subarray(1) } },
  ],
]
for (const which of [0, 1]) {
  const signatures = good.receipt.signatures.map((one, i) =>
    i === which ? { ...one, signature: one.signature.map((byte) => byte ^ 1) } : one,
  )
  cases.push([
    `a receipt whose signature ${which} is forged`,
    'HANSE_SIGNATURE_INVALID',
    { ...good, receipt: { ...good.receipt, signatures } },
  ])
}
for (const [name, code, submission] of cases) {
  test(`${name} is ${code}`, () => expect(codeOf(submission)).toBe(code))
}

test('a price without an authorization is refused, a free session needs none', () => {
  const { authorization: _, ...unsecured } = terms
  expect(codeOf(makeDeal(unsecured).submission(0, 5))).toBe('HANSE_AUTHORIZATION_REQUIRED')
  const price = picoEuro(0n)
  const free = makeDeal({ ...unsecured, inputPrice: price, outputPrice: price })
  expect(codeOf(free.submission(0, 5))).toBe('fine')
})

test('receipts are taken up to the end of the grace', () => {
  const end = NOW + 120_000 + context.receiptGraceMs
  expect(codeOf(good, end)).toBe('fine')
  expect(codeOf(good, end + 1)).toBe('HANSE_RECEIPT_EXPIRED')
})

test('the largest batch is read, and one of a million empty items is refused before they are made', () => {
  const [first, second] = deal.submission(3, 7).receipt.signatures
  if (first === undefined || second === undefined) throw new Error('signed by both sides')
  const twice = { bytes: new Uint8Array(100), signatures: [first, second] }
  const item = {
    order: twice,
    acceptance: twice,
    authorization: twice,
    attestation: twice,
    receipt: twice,
  }
  const whole = writeSubmissions(Array.from({ length: 500 }, () => item))
  expect(readSubmissions(whole).every((each) => !(each instanceof HanseError))).toBe(true)
  const empty = encodeCanonical({ items: Array.from({ length: 1_000_000 }, () => ({})) })
  expect(() => readSubmissions(empty)).toThrow(
    expect.objectContaining({ code: 'HANSE_RECORD_MALFORMED' }),
  )
})
