import { describe, expect, test } from 'vitest'
import { spendAuthorization } from '../authorization/authorization.ts'
import { amountOf, picoEuro } from '../money.ts'
import type { SignedRecord } from '../record/signed.ts'
import {
  codeOf,
  context,
  HOUR_MS,
  INPUT_PRICE,
  MODEL,
  makeAuthorization,
  makeOffer,
  makeOrder,
  NOW,
  OUTPUT_PRICE,
  provider,
  settlement,
  sign,
  stranger,
} from '../testing/fixtures.ts'
import { grownWindow, openingWindow, smallestWindow } from './credit-window.ts'
import type { Order, Quote } from './records.ts'
import {
  CLOCK_SKEW_MS,
  orderCostMax,
  type ReviewFacts,
  reviewAuthorization,
  reviewInput,
  reviewOrder,
  reviewRemaining,
} from './review.ts'

const offer = makeOffer().value
const facts: ReviewFacts = {
  now: NOW,
  provider: provider.peerId,
  offer,
  evidenceLevel: 3,
  replayed: false,
  draining: false,
  trustedIssuers: [settlement.peerId],
  creditWindowMax: picoEuro(10n ** 12n),
}
const value = makeOrder().value
const quoted: Quote = {
  order: makeOrder().cid,
  consumer: value.consumer,
  provider: value.provider,
  inputPrice: picoEuro(1n),
  outputPrice: picoEuro(2n),
  round: 1,
  notAfter: NOW,
}

describe('an order', () => {
  test('that is right gives the model that it asks for', () => {
    expect(reviewOrder(value, facts).id).toBe(MODEL)
    expect(orderCostMax(value)).toBe(100n * INPUT_PRICE + 1000n * OUTPUT_PRICE)
  })

  test.each<[string, Partial<Order>, Partial<ReviewFacts>, string]>([
    ['at a draining provider', {}, { draining: true }, 'HANSE_DRAINING'],
    ['for another provider', { provider: stranger.peerId }, {}, 'HANSE_ORDER_WRONG_PROVIDER'],
    ['that expired', { notAfter: NOW - CLOCK_SKEW_MS }, {}, 'HANSE_ORDER_EXPIRED'],
    ['that expired within the skew', { notAfter: NOW - CLOCK_SKEW_MS + 1 }, {}, 'accepted'],
    ['from the future', { issuedAt: NOW + CLOCK_SKEW_MS + 1 }, {}, 'HANSE_ORDER_EXPIRED'],
    ['from the near future', { issuedAt: NOW + CLOCK_SKEW_MS }, {}, 'accepted'],
    ['seen before', {}, { replayed: true }, 'HANSE_ORDER_REPLAYED'],
    ['on an unknown offer', {}, { offer: undefined }, 'HANSE_ORDER_OFFER_UNKNOWN'],
    ['on an expired offer', {}, { now: NOW + HOUR_MS, offer }, 'HANSE_ORDER_EXPIRED'],
    [
      'on an offer that ends now',
      {},
      { offer: { ...offer, notAfter: NOW } },
      'HANSE_ORDER_OFFER_UNKNOWN',
    ],
    ['for an unknown model', { model: 'a/b' }, {}, 'HANSE_MODEL_UNKNOWN'],
    ['below the input price', { inputPrice: picoEuro(INPUT_PRICE - 1n) }, {}, 'HANSE_ORDER_PRICE'],
    [
      'below the output price',
      { outputPrice: picoEuro(OUTPUT_PRICE - 1n) },
      {},
      'HANSE_ORDER_PRICE',
    ],
    ['above the price', { outputPrice: picoEuro(OUTPUT_PRICE + 1n) }, {}, 'accepted'],
    ['for no output', { maxOutputTokens: 0n }, {}, 'HANSE_ORDER_LIMITS'],
    ['for the most output', { maxOutputTokens: 4096n }, {}, 'accepted'],
    ['for too much output', { maxOutputTokens: 4097n }, {}, 'HANSE_ORDER_LIMITS'],
    [
      'for more than a receipt can hold',
      { maxInputTokens: 2n ** 62n, inputPrice: picoEuro(INPUT_PRICE + 1n) },
      {},
      'HANSE_ORDER_LIMITS',
    ],
    ['on a quote of another session', { quote: makeOrder().cid }, {}, 'HANSE_ORDER_QUOTE'],
    [
      'at a quote below the offer',
      { quote: makeOrder().cid, inputPrice: picoEuro(1n), outputPrice: picoEuro(2n) },
      { quote: quoted },
      'accepted',
    ],
    [
      'below the quote',
      { quote: makeOrder().cid, inputPrice: picoEuro(1n), outputPrice: picoEuro(1n) },
      { quote: quoted },
      'HANSE_ORDER_PRICE',
    ],
    [
      'for another region',
      { residency: { allow: ['FR', 'CH'], minLevel: 0 } },
      {},
      'HANSE_POLICY_RESIDENCY',
    ],
    ['for the EEA', { residency: { allow: ['EEA'], minLevel: 0 } }, {}, 'accepted'],
    ['for anywhere', { residency: { allow: [], minLevel: 0 } }, {}, 'accepted'],
    ['for stronger evidence', {}, { evidenceLevel: 2 }, 'HANSE_POLICY_RESIDENCY'],
    [
      'for another kind of evidence',
      { residency: { allow: ['EU'], minLevel: 0, evidence: ['latency', 'operator'] } },
      { evidenceLevel: 4, evidenceKinds: new Set(['operator'] as const) },
      'HANSE_POLICY_RESIDENCY',
    ],
    [
      'for the kind of evidence that there is',
      { residency: { allow: ['EU'], minLevel: 0, evidence: ['operator'] } },
      { evidenceLevel: 4, evidenceKinds: new Set(['declared', 'operator'] as const) },
      'accepted',
    ],
    [
      'for too wide a window',
      {},
      { creditWindowMax: picoEuro(value.creditWindow - 1n) },
      'HANSE_ORDER_LIMITS',
    ],
  ])('%s', (_, order, changed, code) => {
    expect(codeOf(() => reviewOrder({ ...value, ...order }, { ...facts, ...changed }))).toBe(code)
  })

  test.each([
    [0n, 'accepted'],
    [100n, 'accepted'],
    [101n, 'HANSE_ORDER_LIMITS'],
  ])('with %s input tokens', (inputTokens, code) => {
    expect(codeOf(() => reviewInput(value, inputTokens))).toBe(code)
  })

  test('whose window does not carry the prompt and a few tokens', () => {
    const least = smallestWindow(amountOf(50n, INPUT_PRICE), OUTPUT_PRICE)
    const order = (creditWindow: bigint) => ({ ...value, creditWindow: picoEuro(creditWindow) })
    expect(codeOf(() => reviewInput(order(least), 50n))).toBe('accepted')
    expect(codeOf(() => reviewInput(order(least - 1n), 50n))).toBe('HANSE_ORDER_WINDOW_TOO_SMALL')
  })
})

describe('an authorization', () => {
  const review = (
    order: Partial<Order>,
    signed: SignedRecord | null,
    changed: {
      now?: number
      unsecuredCredit?: bigint
      minAuthorization?: bigint
      trusted?: string[]
    } = {},
  ) =>
    codeOf(() =>
      reviewAuthorization(context, { ...value, ...order }, signed, {
        evidenceLevel: 3,
        now: changed.now ?? NOW,
        offer: {
          ...offer,
          unsecuredCredit: picoEuro(changed.unsecuredCredit ?? 0n),
          minAuthorization: picoEuro(changed.minAuthorization ?? 0n),
        },
        trustedIssuers: changed.trusted ?? [settlement.peerId],
      }),
    )
  const right = makeAuthorization()
  const with_ = (changes: Parameters<typeof makeAuthorization>[0]) => {
    const made = makeAuthorization(changes)
    return [{ authorization: made.cid }, made] as const
  }

  test('that is right is opened', () => {
    expect(review({}, right)).toBe('accepted')
  })

  test.each<[string, string, string]>([
    ['none where none is needed', 'free', 'accepted'],
    ['none within the unsecured credit', 'credit', 'accepted'],
    ['none beyond the unsecured credit', 'beyond', 'HANSE_AUTHORIZATION_REQUIRED'],
    ['cited and not sent', 'unsent', 'HANSE_AUTHORIZATION_REQUIRED'],
  ])('%s', (_, which, code) => {
    const cost = orderCostMax(value)
    const none = { authorization: null }
    const free = { ...none, inputPrice: picoEuro(0n), outputPrice: picoEuro(0n) }
    const results: Record<string, string> = {
      free: review(free, null),
      credit: review(none, null, { unsecuredCredit: cost }),
      beyond: review(none, null, { unsecuredCredit: cost - 1n }),
      unsent: review({}, null, { unsecuredCredit: cost }),
    }
    expect(results[which]).toBe(code)
  })

  test.each<[string, string, string]>([
    [
      'of another consumer',
      review(...with_({ consumer: stranger.peerId })),
      'HANSE_AUTHORIZATION_INVALID',
    ],
    [
      'for another provider',
      review(...with_({ provider: stranger.peerId })),
      'HANSE_AUTHORIZATION_INVALID',
    ],
    [
      'that the order does not cite',
      review({}, makeAuthorization({ serial: 2n })),
      'HANSE_AUTHORIZATION_INVALID',
    ],
    [
      'whose organization asks for more than the order',
      review(...with_({ residency: { allow: ['EU'], minLevel: 4 } })),
      'HANSE_POLICY_RESIDENCY',
    ],
    [
      'whose organization allows other countries',
      review(...with_({ residency: { allow: ['FR'], minLevel: 0 } })),
      'HANSE_POLICY_RESIDENCY',
    ],
    [
      'whose organization asks for what there is',
      review(...with_({ residency: { allow: ['EU'], minLevel: 3 } })),
      'accepted',
    ],
    [
      'of an issuer that is not trusted',
      review({}, right, { trusted: [] }),
      'HANSE_AUTHORIZATION_INVALID',
    ],
    [
      'below the minimum',
      review({}, right, { minAuthorization: right.value.limit + 1n }),
      'HANSE_AUTHORIZATION_INVALID',
    ],
    ['at the minimum', review({}, right, { minAuthorization: right.value.limit }), 'accepted'],
    [
      'that ends before the deadline',
      review(...with_({ notAfter: NOW + value.deadlineMs - 1 })),
      'HANSE_AUTHORIZATION_EXPIRED',
    ],
    [
      'that is unsigned',
      review({}, { bytes: right.bytes, signatures: [] }),
      'HANSE_AUTHORIZATION_INVALID',
    ],
    ['that is another record', review({}, makeOrder()), 'HANSE_AUTHORIZATION_INVALID'],
    [
      'signed by the consumer',
      review({}, sign(spendAuthorization, right.value, 'settlement', stranger)),
      'HANSE_AUTHORIZATION_INVALID',
    ],
  ])('%s', (_, result, code) => expect(result).toBe(code))

  test('has room for a session, or has not, to the pico-euro', () => {
    const [limit, spent] = [picoEuro(100n), picoEuro(60n)]
    expect(codeOf(() => reviewRemaining(limit, spent, picoEuro(40n)))).toBe('accepted')
    expect(codeOf(() => reviewRemaining(limit, spent, picoEuro(41n)))).toBe(
      'HANSE_AUTHORIZATION_EXHAUSTED',
    )
  })
})

describe('the credit window', () => {
  test('opens at a quarter, but wide enough to move and never beyond the cap', () => {
    const open = (cap: bigint) => openingWindow(picoEuro(cap), picoEuro(100n), picoEuro(10n))
    expect([200n, 260n, 800n, 4000n].map(open)).toEqual([200n, 260n, 260n, 1000n])
  })

  test('grows by a third with every receipt, up to the cap', () => {
    const cap = picoEuro(1000n)
    expect(grownWindow(picoEuro(300n), cap)).toBe(401n)
    expect(grownWindow(picoEuro(900n), cap)).toBe(1000n)
    expect(grownWindow(picoEuro(0n), cap)).toBe(1n)
    expect(grownWindow(picoEuro(0n), picoEuro(0n))).toBe(0n)
  })
})
