import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../errors.ts'
import { picoEuro } from '../money.ts'
import {
  INPUT_PRICE,
  makeOrder,
  OUTPUT_PRICE,
  provider,
  sign,
  stranger,
} from '../testing/fixtures.ts'
import { assertReceipts, SessionDriver, type SessionOptions } from '../testing/session-driver.ts'
import type { ProviderFrame } from './frames.ts'
import { PROVIDER_LIMITS } from './provider.ts'
import { type Order, QUOTE_ROUNDS_MAX, type Quote, quote } from './records.ts'
import type { Prices, Round } from './rounds.ts'

const run = (options: SessionOptions) => {
  const session = new SessionDriver(options).run()
  assertReceipts(session)
  return session
}
const reasons = ({ consumer, provider: other }: SessionDriver) => [
  consumer.ended?.reason,
  other.ended?.reason,
]
const codes = ({ consumer, provider: other }: SessionDriver) => [
  consumer.ended?.error?.code,
  other.ended?.error?.code,
]
const cheap = { inputPrice: picoEuro(INPUT_PRICE / 2n), outputPrice: picoEuro(OUTPUT_PRICE / 2n) }
/** Asks for `price` until it is paid. */
const askFor = (price: bigint) => (order: Order) =>
  order.outputPrice >= price
    ? undefined
    : { inputPrice: order.inputPrice, outputPrice: picoEuro(price) }
const payQuote = ({ quote: { value } }: Round): Prices => ({
  inputPrice: value.inputPrice,
  outputPrice: value.outputPrice,
})

describe('a provider that asks for another price', () => {
  test('is paid it when the consumer orders again at the quote', () => {
    const session = run({ order: cheap, ask: askFor(OUTPUT_PRICE), bid: payQuote })
    expect(reasons(session)).toEqual(['completed', 'completed'])
    expect(session.order.value.outputPrice).toBe(OUTPUT_PRICE)
    expect(session.order.value.quote).not.toBeNull()
    expect(session.consumer.receipts.at(-1)?.value.amount).toBe(
      10n * cheap.inputPrice + 100n * OUTPUT_PRICE,
    )
    // The prompt travels once.
    expect(session.log.filter((line) => line === '> prompt')).toHaveLength(1)
  })

  test('meets in the middle over three rounds, and no more', () => {
    const middle = (round: Round): Partial<Order> => ({
      outputPrice: picoEuro((round.order.value.outputPrice + round.quote.value.outputPrice) / 2n),
    })
    let asked = OUTPUT_PRICE
    const ask = (order: Order): Prices | undefined => {
      if (order.outputPrice >= asked) return undefined
      const { inputPrice } = order
      const price = asked
      asked = picoEuro((asked * 9n) / 10n)
      return { inputPrice, outputPrice: price }
    }
    const agreed = run({ order: cheap, ask, bid: middle })
    expect(agreed.log.filter((line) => line === '< quote')).toHaveLength(2)
    expect(reasons(agreed)).toEqual(['completed', 'completed'])

    const stubborn = run({ order: cheap, ask: askFor(OUTPUT_PRICE), bid: () => ({}) })
    expect(stubborn.log.filter((line) => line === '< quote')).toHaveLength(QUOTE_ROUNDS_MAX)
    expect(reasons(stubborn)).toEqual(['rejected', 'rejected'])
    expect(codes(stubborn)).toEqual(['HANSE_QUOTE_ROUNDS', 'HANSE_QUOTE_ROUNDS'])
    expect(stubborn.engine).toBe('idle')
  })

  test('learns at once that the consumer leaves it', () => {
    const session = run({ order: cheap, ask: askFor(OUTPUT_PRICE) })
    expect(reasons(session)).toEqual(['quoted', 'cancelled'])
    expect(codes(session)[0]).toBe('HANSE_ORDER_PRICE')
  })

  test('waits for an answer only as long as its quote is good', () => {
    let orders = 0
    const silent = new SessionDriver({
      order: cheap,
      ask: askFor(OUTPUT_PRICE),
      bid: payQuote,
      toProvider: (frame) => (frame.t === 'order' && orders++ > 0 ? [] : [frame]),
    })
    const { now } = silent
    silent.run()
    expect(silent.provider.ended?.reason).toBe('quoted')
    expect(silent.now - now).toBeGreaterThanOrEqual(PROVIDER_LIMITS.quoteMs)
  })

  test('that shuts down says so instead of waiting', () => {
    const session = new SessionDriver({ order: cheap, ask: askFor(OUTPUT_PRICE) })
    while (session.providerState.phase !== 'quoting') session.step()
    session.toProvider({ type: 'drain', now: session.now })
    expect(session.provider.ended?.error?.code).toBe('HANSE_DRAINING')
  })

  test.each<[string, Partial<Order>, ErrorCode]>([
    ['cites no quote', { quote: null }, 'HANSE_ORDER_QUOTE'],
    ['cites another quote', { quote: makeOrder().cid }, 'HANSE_ORDER_QUOTE'],
    ['is for another model', { model: 'hanse/dearer' }, 'HANSE_ORDER_QUOTE'],
    ['wants more tokens', { maxOutputTokens: 100_000n }, 'HANSE_ORDER_QUOTE'],
    ['is laxer about the region', { residency: { allow: [], minLevel: 0 } }, 'HANSE_ORDER_QUOTE'],
    ['has the same nonce', { nonce: new Uint8Array(16).fill(9) }, 'HANSE_ORDER_QUOTE'],
    ['has another prompt', { promptCommitment: new Uint8Array(32) }, 'HANSE_ORDER_QUOTE'],
  ])('rejects an answer that %s', (_, change, code) => {
    const bid = (round: Round) => ({ ...payQuote(round), ...change })
    const session = run({ order: cheap, ask: askFor(OUTPUT_PRICE), bid })
    expect(reasons(session)).toEqual(['rejected', 'rejected'])
    expect(codes(session)).toEqual([code, code])
  })
})

describe('a consumer', () => {
  const spoil = (change: (value: Quote) => Quote, signer = provider) => ({
    order: cheap,
    ask: askFor(OUTPUT_PRICE),
    bid: payQuote,
    toConsumer: (frame: ProviderFrame): ProviderFrame[] => {
      if (frame.t !== 'quote') return [frame]
      const value = change(quote.decode(frame.quote.bytes))
      const { bytes, signatures } = sign(quote, value, 'provider', signer)
      return [{ t: 'quote', quote: { bytes, signatures: [...signatures] } }]
    },
  })

  test.each<[string, SessionOptions, ErrorCode]>([
    [
      'for another order',
      spoil((value) => ({ ...value, order: makeOrder().cid })),
      'HANSE_FRAME_UNEXPECTED',
    ],
    ['of another round', spoil((value) => ({ ...value, round: 2 })), 'HANSE_QUOTE_ROUNDS'],
    ['by somebody else', spoil((value) => value, stranger), 'HANSE_SIGNATURE_MISSING'],
  ])('refuses a quote %s', (_, options, code) => {
    const session = run(options)
    expect(session.consumer.ended?.reason).toBe('protocol-violation')
    expect(codes(session)[0]).toBe(code)
  })

  test('takes a quote that comes again for a violation', () => {
    const toConsumer = (frame: ProviderFrame) => (frame.t === 'quote' ? [frame, frame] : [frame])
    const session = run({ order: cheap, ask: askFor(OUTPUT_PRICE), bid: payQuote, toConsumer })
    expect(session.consumer.ended?.reason).toBe('protocol-violation')
    expect(codes(session)[0]).toBe('HANSE_FRAME_UNEXPECTED')
  })
})
