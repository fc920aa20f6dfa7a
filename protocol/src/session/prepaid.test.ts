import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amountOf, picoEuro } from '../money.ts'
import { priceTokens } from '../receipt/receipt.ts'
import { INPUT_PRICE, OUTPUT_PRICE, RUNS } from '../testing/fixtures.ts'
import { assertReceipts, SessionDriver, type SessionOptions } from '../testing/session-driver.ts'
import { PROVIDER_LIMITS } from './provider.ts'

const ones = (count: number) => Array.from({ length: count }, () => 1)
const PROMPT_COST = amountOf(10n, INPUT_PRICE)
/** Beyond the prompt a session moves with so many tokens. */
const FEW = 16n

function run(options: SessionOptions): SessionDriver {
  const session = new SessionDriver({ prepaid: true, ...options }).run()
  assertReceipts(session)
  return session
}
/** Lets every countersignature of the consumer but the first so many be lost. */
const withholding = (after: number): SessionOptions => {
  let signed = 0
  return {
    toProvider: (frame) => (frame.t === 'countersign' && signed++ >= after ? [] : [frame]),
  }
}
const tokensIn = (session: SessionDriver) => session.delivered.length

describe('a payer that left a window unpaid', () => {
  test('countersigns the prompt before a token is sent, and has the whole answer', () => {
    const session = run({ engine: { chunks: ones(100), input: 'first' } })
    const [first, ...rest] = session.consumer.receipts
    expect(first?.value).toMatchObject({ inputTokens: 10n, outputTokens: 0n, amount: PROMPT_COST })
    expect(rest.length).toBeGreaterThan(1)
    expect(session.provider.ended).toEqual({ reason: 'completed', error: undefined })
    expect(session.consumer.receipts.at(-1)?.value).toMatchObject({
      outputTokens: 100n,
      final: 'completed',
    })
    const at = (line: string) => session.log.indexOf(line)
    expect(at('> countersign')).toBeLessThan(at('< delta'))
  })

  test('gets nothing when it does not, and what was read for it is told', () => {
    const session = run({ ...withholding(0), engine: { chunks: ones(100), input: 'first' } })
    expect(tokensIn(session)).toBe(0)
    expect(session.provider.ended).toMatchObject({
      reason: 'consumer-unreachable',
      unpaid: PROMPT_COST,
    })
  })

  test('gets a few tokens when it stops after that, however long the prompt is', () => {
    const long = { inputTokens: 1_000n, order: { maxInputTokens: 1_000n } }
    const wide = { creditWindow: picoEuro(1_000n * INPUT_PRICE + 500n * OUTPUT_PRICE) }
    const session = run({
      ...long,
      ...withholding(1),
      order: { ...long.order, ...wide },
      engine: { chunks: ones(400), input: 'first' },
    })
    expect(tokensIn(session)).toBe(Number(FEW))
    expect(session.provider.ended?.unpaid).toBe(amountOf(FEW, OUTPUT_PRICE))
  })

  test.each(['last', 'never'] as const)(
    'gets a few tokens where the engine tells the prompt %s, and no more',
    (input) => {
      const session = run({ ...withholding(0), engine: { chunks: ones(100), input } })
      expect(tokensIn(session)).toBe(Number(FEW))
    },
  )

  test('gets no more of a chunk that is wider than that than the chunk', () => {
    const engine = { chunks: [40, 40, 40], input: 'first' as const }
    const one = run({ ...withholding(1), order: { receiptEvery: 1_000n }, engine })
    expect(tokensIn(one)).toBe(1)
    const all = run({ order: { receiptEvery: 1_000n }, engine })
    expect(all.provider.ended?.reason).toBe('completed')
    expect(tokensIn(all)).toBe(3)
  })

  test('has nothing of an answer without tokens either, such as an embedding, before it is paid', () => {
    const engine = { chunks: [0], input: 'first' as const }
    expect(tokensIn(run({ ...withholding(0), engine }))).toBe(0)
    const paid = run({ engine })
    expect(tokensIn(paid)).toBe(1)
    expect(paid.consumer.receipts.map(({ value }) => value.amount)).toEqual([
      PROMPT_COST,
      PROMPT_COST,
    ])
  })

  test('has what costs nothing at once', () => {
    const free = { inputPrice: picoEuro(0n), outputPrice: picoEuro(0n), creditWindow: picoEuro(0n) }
    const order = { ...free, authorization: null }
    const session = run({ order, remaining: undefined, engine: { chunks: ones(20) } })
    expect(session.provider.ended?.reason).toBe('completed')
  })

  test('pays nothing first where prompts cost nothing', () => {
    const session = run({
      order: { inputPrice: picoEuro(0n) },
      engine: { chunks: ones(50), input: 'first' },
    })
    expect(session.provider.ended?.reason).toBe('completed')
    expect(session.consumer.receipts[0]?.value.outputTokens).toBeGreaterThan(0n)
  })

  test('may cancel while its prompt waits to be paid', () => {
    const driver = new SessionDriver({
      prepaid: true,
      engine: { chunks: ones(100), input: 'first' },
    })
    while (!driver.log.includes('< receipt')) driver.step()
    driver.cancel()
    driver.run()
    assertReceipts(driver)
    expect(driver.provider.ended).toMatchObject({ reason: 'cancelled', unpaid: undefined })
  })

  test('is cut off after the time that a countersignature has', () => {
    const driver = new SessionDriver({
      prepaid: true,
      ...withholding(0),
      engine: { chunks: ones(9), input: 'first' },
    })
    const began = driver.now
    driver.run()
    expect(driver.now - began).toBeLessThan(2 * PROVIDER_LIMITS.countersignMs)
    expect(driver.engine).toBe('stopped')
  })

  test('has no token while its prompt is owed, for any prices, chunks and interleavings, and still ends', () => {
    const scenario = fc.record({
      inputPrice: fc.bigInt(0n, 1_000_000n),
      outputPrice: fc.bigInt(1n, 1_000_000n),
      inputTokens: fc.bigInt(0n, 500n),
      chunks: fc.array(fc.integer({ min: 0, max: 16 }), { maxLength: 80 }),
      receiptEvery: fc.bigInt(1n, 100n),
      input: fc.constantFrom('first', 'last', 'never'),
      choices: fc.infiniteStream(fc.nat()),
    } as const)
    fc.assert(
      fc.property(scenario, (s) => {
        const prices = { inputPrice: picoEuro(s.inputPrice), outputPrice: picoEuro(s.outputPrice) }
        const creditWindow = priceTokens(prices, {
          inputTokens: s.inputTokens,
          outputTokens: 16n,
        })
        const session = run({
          order: {
            ...prices,
            maxInputTokens: 500n,
            maxOutputTokens: 4_096n,
            receiptEvery: s.receiptEvery,
            creditWindow,
            deadlineMs: 86_400_000,
          },
          inputTokens: s.inputTokens,
          engine: { chunks: s.chunks, input: s.input },
          choose: (n) => (s.choices.next().value ?? 0) % n,
          onStep: ({ providerState: state }) => {
            if (state.phase !== 'streaming' || state.prepaid !== 'prompt') return
            expect(state.outputTokens).toBe(0n)
          },
        })
        const total = BigInt(s.chunks.reduce((sum, tokens) => sum + tokens, 0))
        expect(session.provider.ended).toEqual({ reason: 'completed', error: undefined })
        expect(session.consumer.receipts.at(-1)?.value.outputTokens).toBe(total)
      }),
      { numRuns: RUNS.session },
    )
  }, 60_000)
})

describe('what an ended session tells of what was left unpaid', () => {
  test.each([
    ['nothing, where all is countersigned', {}, undefined],
    [
      'nothing, where nothing was sent',
      { engine: { chunks: [], end: 'engine-failed' } },
      undefined,
    ],
  ] as const)('%s', (_what, options, unpaid) => {
    const session = new SessionDriver({ engine: { chunks: ones(20), input: 'first' }, ...options })
    expect(session.run().provider.ended?.unpaid).toBe(unpaid)
  })

  test('all that was sent since the last countersignature, at any cut', () => {
    for (let cutAfter = 1; cutAfter < 60; cutAfter++) {
      const session = new SessionDriver({
        cutAfter,
        engine: { chunks: ones(100), input: 'first' },
      })
      while (session.provider.ended === undefined) session.step()
      const { providerState: state, provider } = session
      const signed = provider.receipts.at(-1)?.value.amount ?? 0n
      expect(state.phase).toBe('ended')
      const unpaid = provider.ended?.unpaid ?? 0n
      expect(unpaid).toBeLessThanOrEqual(session.order.value.creditWindow)
      // What arrived is no more than what was sent.
      expect(unpaid + signed).toBeGreaterThanOrEqual(
        session.delivered.length === 0 ? 0n : BigInt(session.delivered.length) * OUTPUT_PRICE,
      )
    }
  })
})
