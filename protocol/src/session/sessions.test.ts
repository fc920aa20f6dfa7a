import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HanseError } from '../errors.ts'
import { amountOf, picoEuro } from '../money.ts'
import { priceTokens, type Receipt, receipt } from '../receipt/receipt.ts'
import { signBytes } from '../record/signed.ts'
import {
  consumer,
  context,
  INPUT_PRICE,
  makeAcceptance,
  makeOrder,
  OUTPUT_PRICE,
  PROMPT,
  provider,
  RUNS,
  SECRET,
  sign,
  stranger,
} from '../testing/fixtures.ts'
import {
  assertReceipts,
  chunkOf,
  SessionDriver,
  type SessionOptions,
} from '../testing/session-driver.ts'
import { concat, utf8 } from '../wire.ts'
import { CONSUMER_LIMITS } from './consumer.ts'
import { type ConsumerFrame, PROMPT_PARTS_MAX, type ProviderFrame } from './frames.ts'
import { SILENT_TOKENS_MAX } from './plausibility.ts'
import { PROVIDER_LIMITS } from './provider.ts'
import { acceptance, rejection } from './records.ts'

const ones = (count: number) => Array.from({ length: count }, () => 1)
const run = (options: SessionOptions = {}) => {
  const session = new SessionDriver(options).run()
  assertReceipts(session)
  return session
}
const last = (session: SessionDriver) => session.consumer.receipts.at(-1)?.value
const reasons = (session: SessionDriver) => [
  session.consumer.ended?.reason,
  session.provider.ended?.reason,
]
const codes = (session: SessionDriver) => [
  session.consumer.ended?.error?.code,
  session.provider.ended?.error?.code,
]

/** The smallest window that a review lets pass. */
const TIGHT = picoEuro(amountOf(10n, INPUT_PRICE) + amountOf(16n, OUTPUT_PRICE))

describe('an honest session', () => {
  test('ends completed with exact totals and all receipts on both sides', () => {
    const session = run()
    expect(reasons(session)).toEqual(['completed', 'completed'])
    expect(codes(session)).toEqual([undefined, undefined])
    expect(session.consumer.receipts.length).toBeGreaterThan(3)
    expect(session.provider.receipts).toHaveLength(session.consumer.receipts.length)
    expect(last(session)).toMatchObject({
      inputTokens: 10n,
      outputTokens: 100n,
      amount: 10n * INPUT_PRICE + 100n * OUTPUT_PRICE,
      final: 'completed',
    })
    expect(session.delivered).toHaveLength(100)
    expect(session.accepted).toBe(true)
  })

  test('counts cached input, but never more than there was', () => {
    expect(last(run({ engine: { chunks: [1], cached: 4n } }))?.cachedInputTokens).toBe(4n)
    expect(last(run({ engine: { chunks: [1], cached: 99n } }))?.cachedInputTokens).toBe(10n)
  })

  test.each(['first', 'last'] as const)('pays for the input when it is told %s', (input) => {
    expect(last(run({ engine: { chunks: ones(20), input } }))?.inputTokens).toBe(10n)
  })

  test('of no output at all still pays for the input', () => {
    const session = run({ engine: { chunks: [] } })
    expect(last(session)).toMatchObject({ outputTokens: 0n, amount: 10n * INPUT_PRICE })
  })

  test('at price zero flows without a window', () => {
    const free = { inputPrice: picoEuro(0n), outputPrice: picoEuro(0n), creditWindow: picoEuro(0n) }
    const session = run({ order: { ...free, authorization: null }, remaining: undefined })
    expect(reasons(session)).toEqual(['completed', 'completed'])
    expect(last(session)).toMatchObject({ outputTokens: 100n, amount: 0n })
  })

  test('carries every payload byte for byte, in order', () => {
    const payload = (i: number) => Uint8Array.from([i, 0xff, 0, i])
    const session = run({ engine: { chunks: ones(50), payload } })
    expect(concat(session.delivered)).toEqual(concat(ones(50).map((_, i) => payload(i))))
  })

  test('sends a prompt of several frames', () => {
    const prompt = new Uint8Array(1_200_000).fill(0x20)
    const session = new SessionDriver({ prompt })
    // The fixture's order commits to another prompt: the answer is a signed rejection, not silence.
    session.run()
    expect(session.log.filter((line) => line === '> prompt')).toHaveLength(3)
    expect(codes(session)).toEqual(['HANSE_ORDER_COMMITMENT', 'HANSE_ORDER_COMMITMENT'])
  })

  test('splits what came at once into frames that fit on the wire', () => {
    const engine = { chunks: [1, 1, 1], payload: () => new Uint8Array(900_000).fill(0x61) }
    const driver = new SessionDriver({ engine: { chunks: [] } })
    while (driver.engine !== 'running') driver.step()
    const deltas = engine.chunks.map((tokens) => ({ tokens, payload: engine.payload() }))
    driver.toProvider({ type: 'deltas', deltas, now: driver.now })
    driver.run()
    expect(reasons(driver)).toEqual(['completed', 'completed'])
    expect(driver.log.filter((line) => line === '< delta')).toHaveLength(3)
  })

  test('survives thousands of empty payloads at once', () => {
    const driver = new SessionDriver({ engine: { chunks: [] } })
    while (driver.engine !== 'running') driver.step()
    const deltas = Array.from({ length: 3000 }, () => ({ tokens: 0, payload: new Uint8Array(1) }))
    driver.toProvider({ type: 'deltas', deltas, now: driver.now })
    driver.run()
    expect(reasons(driver)).toEqual(['completed', 'completed'])
    expect(driver.delivered).toHaveLength(3000)
  })

  test('with a payload that no frame can carry ends as the engine’s failure', () => {
    const payload = () => new Uint8Array(1_000_001)
    const session = run({ engine: { chunks: [1, 1], payload } })
    expect(reasons(session)).toEqual(['engine-failed', 'engine-failed'])
    expect(session.delivered).toHaveLength(0)
  })

  test('never counts more tokens than the text that it shows can be', () => {
    const payload = (i: number) => chunkOf(i, 2)
    const session = run({ engine: { chunks: ones(50).map(() => 5), payload } })
    const shown = 100n
    expect(last(session)).toMatchObject({
      outputTokens: shown + SILENT_TOKENS_MAX,
      final: 'completed',
    })
  })

  test('keeps receipts in order when the provider’s clock is set back', () => {
    const session = run({
      onStep: (driver) => {
        if (driver.frames === 8) driver.now -= 3_600_000
      },
    })
    const times = session.consumer.receipts.map(({ value }) => value.at)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })
})

describe('the credit window', () => {
  test.each(['first', 'last', 'never'] as const)(
    'that is as small as it may be blocks and resumes, the input told %s',
    (input) => {
      const chunks = ones(300)
      const session = run({
        order: { creditWindow: TIGHT, receiptEvery: 1000n },
        engine: { chunks, input },
        // The engine runs ahead of the network.
        choose: (n) => n - 1,
      })
      expect(reasons(session)).toEqual(['completed', 'completed'])
      expect(last(session)?.outputTokens).toBe(300n)
      expect(session.consumer.receipts.length).toBeGreaterThan(5)
      expect(session.pauses).toBeGreaterThan(0)
    },
  )

  test('that the input nearly fills is not overrun when the input is told at the end', () => {
    const session = run({
      order: {
        maxInputTokens: 1000n,
        creditWindow: picoEuro(amountOf(1000n, INPUT_PRICE) + amountOf(16n, OUTPUT_PRICE)),
        receiptEvery: 1000n,
      },
      inputTokens: 1000n,
      engine: { chunks: ones(600), input: 'last' },
    })
    expect(reasons(session)).toEqual(['completed', 'completed'])
    expect(last(session)?.inputTokens).toBe(1000n)
  })

  test('opens at once to all that was agreed for a chunk that is wider than it', () => {
    // 80 tokens open; the first chunk is 120, the agreed window 200.
    const session = run({ order: { receiptEvery: 1000n }, engine: { chunks: [120, 1, 1] } })
    expect(reasons(session)).toEqual(['completed', 'completed'])
    expect(last(session)?.outputTokens).toBe(122n)
  })

  test('smaller than one chunk ends the session with its own reason, even at its very end', () => {
    const order = { creditWindow: TIGHT, receiptEvery: 1000n }
    for (const chunks of [[40, 1, 1], [1, 1, 40], [40]]) {
      // The second time the engine has ended before the chunk is found to be too large.
      for (const choose of [() => 0, (n: number) => n - 1]) {
        const session = run({ order, engine: { chunks }, choose })
        expect(reasons(session)).toEqual(['window-exhausted', 'window-exhausted'])
        expect(codes(session)[0]).toBe('HANSE_SESSION_ABORTED')
      }
    }
  })

  test('smaller than the prompt and a few tokens is refused before anything runs', () => {
    const session = run({ order: { creditWindow: picoEuro(TIGHT - 1n) } })
    expect(codes(session)[0]).toBe('HANSE_ORDER_WINDOW_TOO_SMALL')
    expect(session.accepted).toBe(false)
  })

  test('holds, exact to the pico-euro, for any prices, chunks, windows and interleavings', () => {
    const scenario = fc.record({
      inputPrice: fc.bigInt(0n, 1_000_000n),
      outputPrice: fc.bigInt(0n, 1_000_000n),
      inputTokens: fc.bigInt(0n, 500n),
      chunks: fc.array(fc.integer({ min: 0, max: 16 }), { maxLength: 120 }),
      receiptEvery: fc.bigInt(1n, 100n),
      slack: fc.bigInt(0n, 50n),
      input: fc.constantFrom('first', 'last', 'never'),
      choices: fc.infiniteStream(fc.nat()),
    } as const)
    fc.assert(
      fc.property(scenario, (s) => {
        const prices = {
          inputPrice: picoEuro(s.inputPrice),
          outputPrice: picoEuro(s.outputPrice),
        }
        const outputTokens = s.slack + 16n
        const session = run({
          order: {
            ...prices,
            maxInputTokens: 500n,
            maxOutputTokens: 4096n,
            receiptEvery: s.receiptEvery,
            creditWindow: priceTokens(prices, { inputTokens: s.inputTokens, outputTokens }),
            deadlineMs: 86_400_000,
          },
          inputTokens: s.inputTokens,
          engine: { chunks: s.chunks, input: s.input },
          choose: (n) => (s.choices.next().value ?? 0) % n,
        })
        const total = BigInt(s.chunks.reduce((sum, tokens) => sum + tokens, 0))
        expect(reasons(session)).toEqual(['completed', 'completed'])
        expect(last(session)?.outputTokens).toBe(total)
        expect(session.delivered).toHaveLength(s.chunks.length)
        expect(session.provider.receipts).toHaveLength(session.consumer.receipts.length)
      }),
      { numRuns: RUNS.session },
    )
  }, 60_000)
})

describe('limits', () => {
  test('an engine that runs over the ordered tokens is not paid for it', () => {
    const session = run({ order: { maxOutputTokens: 20n }, engine: { chunks: ones(50) } })
    expect(reasons(session)).toEqual(['completed', 'completed'])
    expect(last(session)?.outputTokens).toBe(20n)
  })

  test('input beyond what was accepted is not counted', () => {
    const driver = new SessionDriver({ engine: { chunks: ones(3), input: 'never' } })
    while (driver.engine !== 'running') driver.step()
    driver.toProvider({ type: 'input', inputTokens: 99n, now: driver.now })
    driver.toProvider({ type: 'input', inputTokens: 2n, now: driver.now })
    driver.run()
    expect(last(driver)?.inputTokens).toBe(10n)
  })

  test('a session of too many receipts ends by that reason and can still be exported', () => {
    const state = new SessionDriver({
      order: { receiptEvery: 1n, maxOutputTokens: 10_000n, deadlineMs: 86_400_000 },
      engine: { chunks: ones(5000) },
    })
    if (RUNS.session < 100) return // 16 000 signatures: minutes on the JavaScript curve
    state.run()
    expect(reasons(state)).toEqual(['too-many-receipts', 'too-many-receipts'])
    expect(state.consumer.receipts).toHaveLength(4000)
  }, 60_000)

  test('what the authorization has left is not exceeded', () => {
    const session = run({ remaining: picoEuro(10n * INPUT_PRICE + 50n * OUTPUT_PRICE) })
    expect(reasons(session)).toEqual(['receipt-refused', 'receipt-refused'])
    expect(codes(session)).toEqual(['HANSE_RECEIPT_LIMIT', 'HANSE_RECEIPT_LIMIT'])
  })

  test('a prompt in countless parts is refused', () => {
    const session = new SessionDriver({
      toProvider: (frame) =>
        frame.t === 'prompt'
          ? Array.from({ length: PROMPT_PARTS_MAX + 1 }, () => ({
              ...frame,
              part: new Uint8Array(0),
              last: false,
            }))
          : [frame],
    }).run()
    expect(codes(session)[0]).toBe('HANSE_PROMPT_TOO_LARGE')
  })
})

describe('cancelling', () => {
  test('before the acceptance ends both sides without a receipt', () => {
    const driver = new SessionDriver()
    driver.cancel()
    driver.run()
    expect(reasons(driver)[0]).toBe('cancelled')
    expect(driver.consumer.receipts).toHaveLength(0)
  })

  test('at any step ends both sides, and what was delivered is paid for', () => {
    const steps = RUNS.session > 100 ? 120 : 12
    for (let at = 1; at < steps; at++) {
      const driver = new SessionDriver({ engine: { chunks: ones(60) } })
      for (let i = 0; i < at && !driver.step(); i++);
      if (reasons(driver)[0] !== undefined) break
      driver.cancel()
      driver.cancel()
      driver.run()
      assertReceipts(driver)
      const [ours, theirs] = reasons(driver)
      expect(['cancelled', 'completed']).toContain(ours)
      if (driver.accepted) {
        expect(theirs).toBe(ours)
        expect(last(driver)?.outputTokens).toBe(BigInt(driver.delivered.length))
      } else expect(['cancelled', 'consumer-unreachable']).toContain(theirs)
      expect(driver.engine === 'running').toBe(false)
    }
  })

  test('of a session that is settling changes nothing', () => {
    const driver = new SessionDriver({ engine: { chunks: ones(3) } })
    while (driver.providerState.phase !== 'settling') driver.step()
    driver.cancel()
    driver.run()
    expect(reasons(driver)).toEqual(['completed', 'completed'])
  })

  test('a provider that ignores it is left after the grace time', () => {
    const driver = new SessionDriver({
      engine: { chunks: ones(1_000) },
      toProvider: (frame) => (frame.t === 'cancel' ? [] : [frame]),
      toConsumer: (frame) => (frame.t === 'receipt' ? [] : [frame]),
    })
    while (driver.delivered.length < 3) driver.step()
    driver.cancel()
    driver.run()
    expect(driver.consumer.ended?.error?.code).toBe('HANSE_SESSION_CANCELLED')
    expect(driver.now).toBeGreaterThanOrEqual(CONSUMER_LIMITS.cancelMs)
  })
})

describe('time', () => {
  test('at the deadline the provider stops, and what came is settled', () => {
    const session = run({
      order: { deadlineMs: 300 },
      engine: { chunks: ones(5000) },
      onStep: fire,
    })
    expect(reasons(session)).toEqual(['deadline', 'deadline'])
    expect(codes(session)[0]).toBe('HANSE_SESSION_DEADLINE')
    expect(last(session)?.outputTokens).toBe(BigInt(session.delivered.length))
    expect(session.engine).toBe('stopped')
  })

  test('a provider that never answers the order is given up', () => {
    const session = run({ toConsumer: () => [] })
    expect(codes(session)[0]).toBe('HANSE_PROVIDER_UNREACHABLE')
  })

  test('a provider that falls silent is left after the deadline', () => {
    const driver = new SessionDriver()
    while (driver.delivered.length < 2) driver.step()
    const due = driver.consumer.timers.get('deadline') ?? 0
    expect(due).toBeGreaterThan(driver.now + driver.order.value.deadlineMs)
    driver.toConsumer({ type: 'timer', timer: 'deadline', now: due })
    driver.run()
    expect(reasons(driver)).toEqual(['deadline', 'consumer-unreachable'])
  })

  test('a consumer that never countersigns is left, owing at most one window', () => {
    const session = run({ toProvider: (frame) => (frame.t === 'countersign' ? [] : [frame]) })
    expect(session.provider.ended?.reason).toBe('consumer-unreachable')
    expect(session.provider.receipts).toHaveLength(0)
    expect(session.engine).toBe('stopped')
  })

  test('a consumer that never sends its prompt is left', () => {
    const session = run({ toProvider: (frame) => (frame.t === 'prompt' ? [] : [frame]) })
    expect(session.provider.ended?.reason).toBe('consumer-unreachable')
    expect(reasons(session)[0]).toBe('provider-unreachable')
  })

  test('a timer that fires after it was cleared changes nothing', () => {
    const driver = new SessionDriver()
    while (driver.delivered.length < 2) driver.step()
    for (const timer of ['prompt', 'countersign'] as const) {
      driver.toProvider({ type: 'timer', timer, now: driver.now })
    }
    driver.toConsumer({ type: 'timer', timer: 'accept', now: driver.now })
    driver.run()
    expect(reasons(driver)).toEqual(['completed', 'completed'])
  })
})

describe('the provider', () => {
  test('whose engine fails settles what was delivered', () => {
    const session = run({ engine: { chunks: ones(40), end: 'engine-failed' } })
    expect(reasons(session)).toEqual(['engine-failed', 'engine-failed'])
    expect(codes(session)[0]).toBe('HANSE_ENGINE_FAILED')
    expect(last(session)?.outputTokens).toBe(40n)
  })

  test('that drains lets a running answer finish and rejects a new order', () => {
    const running = new SessionDriver()
    while (running.delivered.length < 2) running.step()
    running.toProvider({ type: 'drain', now: running.now })
    running.run()
    expect(reasons(running)).toEqual(['completed', 'completed'])

    const ordering = new SessionDriver()
    ordering.step()
    ordering.toProvider({ type: 'drain', now: ordering.now })
    ordering.run()
    expect(codes(ordering)[0]).toBe('HANSE_DRAINING')

    const fresh = new SessionDriver()
    fresh.toProvider({ type: 'drain', now: fresh.now })
    fresh.run()
    expect(reasons(fresh)).toEqual(['provider-unreachable', 'draining'])
  })

  test.each([
    ['HANSE_CAPACITY', 1500, 1500],
    ['HANSE_CAPACITY', 0.5, 1],
    ['HANSE_CAPACITY', 1e12, 86_400_000],
    ['HANSE_CAPACITY', -1, undefined],
    ['HANSE_MODEL_UNKNOWN', undefined, undefined],
  ] as const)('that rejects with %s after %s ms says so', (code, wait, told) => {
    const options = wait === undefined ? {} : { retryAfterMs: wait }
    const message = `\u{FEFF}no ${'\u{1F600}'.repeat(400)}`
    const session = run({ reject: new HanseError(code, message, options) })
    expect(reasons(session)).toEqual(['rejected', 'rejected'])
    expect(codes(session)).toEqual([code, code])
    expect(session.consumer.ended?.error?.retryAfterMs).toBe(told)
  })
})

describe('a link that is cut', () => {
  test('after any number of frames ends both sides, at most one receipt apart', () => {
    const cut = fc.tuple(fc.nat(60), fc.boolean(), fc.infiniteStream(fc.nat()))
    fc.assert(
      fc.property(cut, ([cutAfter, tight, choices]) => {
        const session = run({
          cutAfter,
          engine: { chunks: ones(80) },
          order: tight ? { creditWindow: TIGHT } : { receiptEvery: 8n },
          choose: (n) => (choices.next().value ?? 0) % n,
        })
        const [ours, theirs] = [session.consumer.receipts, session.provider.receipts]
        expect([0, 1]).toContain(ours.length - theirs.length)
        expect(session.engine === 'running').toBe(false)
        if (session.consumer.ended?.reason !== 'completed') {
          expect(session.consumer.ended?.reason).toBe('provider-unreachable')
        }
      }),
      { numRuns: RUNS.session },
    )
  }, 60_000)
})

/** Fires what is due while there is still something else to do. */
function fire(driver: SessionDriver): void {
  const due = driver.provider.timers.get('deadline')
  if (due === undefined || due > driver.now) return
  driver.provider.timers.delete('deadline')
  driver.toProvider({ type: 'timer', timer: 'deadline', now: driver.now })
}

/** Changes the receipt with this number and signs it again, as a provider could. */
function lieAt(at: bigint, change: (value: Receipt) => Partial<Receipt>) {
  return (frame: ProviderFrame): ProviderFrame[] => {
    if (frame.t !== 'receipt') return [frame]
    const value = receipt.decode(frame.bytes)
    if (value.sequence !== at) return [frame]
    const lie = sign(receipt, { ...value, ...change(value) }, 'provider', provider)
    const signature = lie.signatures[0]?.signature ?? new Uint8Array(64)
    return [{ t: 'receipt', bytes: lie.bytes, signature }]
  }
}

describe('a lying provider', () => {
  const priced = (value: Receipt, tokens: Partial<Receipt>): Partial<Receipt> => {
    const changed = { ...value, ...tokens }
    return { ...tokens, amount: priceTokens(makeOrder().value, changed) }
  }
  test.each<[string, bigint, (value: Receipt) => Partial<Receipt>, string]>([
    [
      'one output token more',
      0n,
      (r) => priced(r, { outputTokens: r.outputTokens + 1n }),
      'HANSE_RECEIPT_TOKENS',
    ],
    [
      'input beyond the acceptance',
      0n,
      (r) => priced(r, { inputTokens: 11n }),
      'HANSE_RECEIPT_TOKENS',
    ],
    [
      'more cached than input',
      0n,
      (r) => ({ cachedInputTokens: r.inputTokens + 1n }),
      'HANSE_RECEIPT_TOKENS',
    ],
    ['a pico-euro more', 0n, (r) => ({ amount: picoEuro(r.amount + 1n) }), 'HANSE_RECEIPT_AMOUNT'],
    ['a pico-euro less', 1n, (r) => ({ amount: picoEuro(r.amount - 1n) }), 'HANSE_RECEIPT_AMOUNT'],
    ['a skipped number', 1n, (r) => ({ sequence: r.sequence + 1n }), 'HANSE_RECEIPT_CHAIN'],
    ['a repeated number', 1n, () => ({ sequence: 0n, previous: null }), 'HANSE_RECEIPT_CHAIN'],
    ['a broken link', 1n, () => ({ previous: makeOrder().cid }), 'HANSE_RECEIPT_CHAIN'],
    ['no link', 1n, () => ({ previous: null }), 'HANSE_RECEIPT_CHAIN'],
    ['a link where none is', 0n, () => ({ previous: makeOrder().cid }), 'HANSE_RECEIPT_CHAIN'],
    ['a falling total', 1n, (r) => priced(r, { outputTokens: 1n }), 'HANSE_RECEIPT_CHAIN'],
    [
      'another session',
      0n,
      () => ({ acceptance: makeAcceptance(undefined, { inputTokens: 9n }).cid }),
      'HANSE_RECEIPT_CHAIN',
    ],
    [
      'another transcript',
      0n,
      () => ({ transcript: new Uint8Array(32) }),
      'HANSE_RECEIPT_TRANSCRIPT',
    ],
  ])('with %s is refused, and learns why', (_, at, change, code) => {
    const session = run({ toConsumer: lieAt(at, change) })
    expect(reasons(session)).toEqual(['receipt-refused', 'receipt-refused'])
    expect(codes(session)).toEqual([code, code])
    expect(session.consumer.receipts).toHaveLength(Number(at))
  })

  test('with a receipt about nothing new is refused', () => {
    let before: Receipt | undefined
    let previous: ReturnType<typeof sign<Receipt>>['cid'] | undefined
    const session = run({
      toConsumer: (frame) => {
        if (frame.t !== 'receipt') return [frame]
        const value = receipt.decode(frame.bytes)
        if (before === undefined || previous === undefined) {
          before = value
          previous = sign(receipt, value, 'provider', provider).cid
          return [frame]
        }
        const again = { ...before, sequence: 1n, previous }
        return lieAt(1n, () => again)(frame)
      },
    })
    expect(codes(session)).toEqual(['HANSE_RECEIPT_CHAIN', 'HANSE_RECEIPT_CHAIN'])
  })

  test('that hoards deltas and asks for more than a window at once is refused', () => {
    const session = run({
      order: { receiptEvery: 10n, creditWindow: TIGHT },
      engine: { chunks: ones(200) },
      toConsumer: (() => {
        let kept: ProviderFrame[] = []
        return (frame: ProviderFrame) => {
          if (frame.t !== 'accept') kept.push(frame)
          const out = frame.t === 'accept' ? [frame] : kept.length > 0 ? kept : []
          if (frame.t !== 'accept') kept = []
          return out
        }
      })(),
    })
    expect(reasons(session)).toEqual(['completed', 'completed'])

    // A provider without a window of its own: deltas worth two windows, then one receipt for all of them.
    const greedy = new SessionDriver({ order: { creditWindow: TIGHT }, engine: { chunks: [] } })
    while (greedy.consumerState.phase !== 'streaming') greedy.step()
    const items = ones(100).map((_, i): [number, Uint8Array] => [1, chunkOf(i, 1)])
    greedy.toConsumer({ type: 'frame', frame: { t: 'delta', first: 0n, items }, now: greedy.now })
    const { acceptance: accepted } = greedy.consumerState as Extract<
      typeof greedy.consumerState,
      { phase: 'streaming' }
    >
    const all = sign(
      receipt,
      {
        acceptance: accepted.cid,
        sequence: 0n,
        previous: null,
        inputTokens: 0n,
        cachedInputTokens: 0n,
        outputTokens: 100n,
        amount: amountOf(100n, OUTPUT_PRICE),
        transcript: new Uint8Array(32),
        at: greedy.now,
        final: null,
      },
      'provider',
      provider,
    )
    const signature = all.signatures[0]?.signature ?? new Uint8Array(64)
    const frame: ProviderFrame = { t: 'receipt', bytes: all.bytes, signature }
    greedy.toConsumer({ type: 'frame', frame, now: greedy.now })
    expect(greedy.consumer.ended?.error?.code).toBe('HANSE_RECEIPT_WINDOW')
  })

  test.each<[string, (frame: ProviderFrame) => (ProviderFrame | Uint8Array)[], string]>([
    [
      'a bad signature',
      (f) => (f.t === 'receipt' ? [{ ...f, signature: new Uint8Array(64) }] : [f]),
      'HANSE_SIGNATURE_INVALID',
    ],
    [
      'a receipt that is none',
      (f) => (f.t === 'receipt' ? [{ ...f, bytes: PROMPT }] : [f]),
      'HANSE_RECORD_MALFORMED',
    ],
    [
      'a delta out of order',
      (f) => (f.t === 'delta' ? [{ ...f, first: f.first + 1n }] : [f]),
      'HANSE_FRAME_UNEXPECTED',
    ],
    ['a repeated delta', (f) => (f.t === 'delta' ? [f, f] : [f]), 'HANSE_FRAME_UNEXPECTED'],
    [
      'more tokens than bytes',
      (f) => (f.t === 'delta' ? [{ ...f, items: [[9, utf8('x')]] }] : [f]),
      'HANSE_RECEIPT_TOKENS',
    ],
    ['a second acceptance', (f) => (f.t === 'accept' ? [f, f] : [f]), 'HANSE_FRAME_UNEXPECTED'],
    [
      'a delta before the acceptance',
      (f) => (f.t === 'accept' ? [{ t: 'delta', first: 0n, items: [[1, utf8('x')]] }] : [f]),
      'HANSE_FRAME_UNEXPECTED',
    ],
    [
      'a receipt before the acceptance',
      (f) =>
        f.t === 'accept' ? [{ t: 'receipt', bytes: PROMPT, signature: new Uint8Array(64) }] : [f],
      'HANSE_FRAME_UNEXPECTED',
    ],
    ['noise', (f) => (f.t === 'delta' ? [utf8('noise')] : [f]), 'HANSE_FRAME_MALFORMED'],
    [
      'an acceptance of another order',
      () => [acceptOf(makeAcceptance(makeOrder({ maxOutputTokens: 1n })))],
      'HANSE_FRAME_UNEXPECTED',
    ],
    [
      'an acceptance for another consumer',
      () => [acceptOf(makeAcceptance(makeOrder(), { consumer: stranger.peerId }))],
      'HANSE_FRAME_UNEXPECTED',
    ],
    [
      'an acceptance of more input than ordered',
      () => [acceptOf(makeAcceptance(makeOrder(), { inputTokens: 101n }))],
      'HANSE_RECEIPT_TOKENS',
    ],
    [
      'an acceptance signed by another',
      () => [acceptOf(sign(acceptance, makeAcceptance().value, 'provider', stranger))],
      'HANSE_SIGNATURE_MISSING',
    ],
    [
      'a rejection of another order',
      () => [rejectOf(makeOrder({ maxOutputTokens: 1n }).cid)],
      'HANSE_FRAME_UNEXPECTED',
    ],
  ])('with %s ends the session', (_, toConsumer, code) => {
    const session = run({ toConsumer })
    expect(session.consumer.ended?.reason).toBe('protocol-violation')
    expect(codes(session)[0]).toBe(code)
    expect(session.provider.ended).toBeDefined()
    expect(session.consumer.receipts).toHaveLength(0)
  })
})

function acceptOf(record: ReturnType<typeof makeAcceptance>): ProviderFrame {
  return { t: 'accept', acceptance: { bytes: record.bytes, signatures: [...record.signatures] } }
}

function rejectOf(order: ReturnType<typeof makeOrder>['cid']): ProviderFrame {
  const value = {
    order,
    consumer: consumer.peerId,
    provider: provider.peerId,
    code: 'HANSE_CAPACITY' as const,
    message: '',
    retryAfterMs: null,
    at: 0,
  }
  const record = sign(rejection, value, 'provider', provider)
  return { t: 'reject', rejection: { bytes: record.bytes, signatures: [...record.signatures] } }
}

describe('a lying consumer', () => {
  const countersign: ConsumerFrame = {
    t: 'countersign',
    sequence: 0n,
    signature: new Uint8Array(64),
  }
  const { bytes, signatures } = makeOrder()
  const ordering: ConsumerFrame = {
    t: 'order',
    order: { bytes, signatures: [...signatures] },
    authorization: null,
    secret: SECRET,
    trace: null,
  }
  const prompting: ConsumerFrame = { t: 'prompt', part: PROMPT, last: true }
  const when =
    (t: ConsumerFrame['t'], ...instead: (ConsumerFrame | Uint8Array)[]) =>
    (frame: ConsumerFrame) =>
      frame.t === t ? instead : [frame]
  const firstThenReplay = () => {
    let first: Extract<ConsumerFrame, { t: 'countersign' }> | undefined
    return (frame: ConsumerFrame) => {
      if (frame.t !== 'countersign') return [frame]
      if (first === undefined) {
        first = frame
        return [frame]
      }
      return [{ ...first, sequence: frame.sequence }]
    }
  }
  const twice = (frame: ConsumerFrame) => (frame.t === 'countersign' ? [frame, frame] : [frame])

  test.each<[string, (frame: ConsumerFrame) => (ConsumerFrame | Uint8Array)[], string]>([
    ['a bad countersignature', when('countersign', countersign), 'HANSE_SIGNATURE_INVALID'],
    ['a countersignature of another receipt', firstThenReplay(), 'HANSE_SIGNATURE_INVALID'],
    [
      'a countersignature of a later receipt',
      when('countersign', { ...countersign, sequence: 5n }),
      'HANSE_FRAME_UNEXPECTED',
    ],
    ['a countersignature twice', twice, 'HANSE_FRAME_UNEXPECTED'],
    ['a countersignature before the order', when('order', countersign), 'HANSE_FRAME_UNEXPECTED'],
    ['a countersignature before its prompt', when('prompt', countersign), 'HANSE_FRAME_UNEXPECTED'],
    [
      'a refusal before its prompt',
      when('prompt', { t: 'refuse', sequence: 0n, code: 'HANSE_INTERNAL' }),
      'HANSE_FRAME_UNEXPECTED',
    ],
    ['two orders', when('order', ordering, ordering), 'HANSE_FRAME_UNEXPECTED'],
    ['a prompt before the order', when('order', prompting), 'HANSE_FRAME_UNEXPECTED'],
    ['a second prompt', when('prompt', prompting, prompting), 'HANSE_FRAME_UNEXPECTED'],
    ['an order in the middle', when('countersign', ordering), 'HANSE_FRAME_UNEXPECTED'],
    ['a prompt in the middle', when('countersign', prompting), 'HANSE_FRAME_UNEXPECTED'],
    ['noise in the middle', when('countersign', utf8('noise')), 'HANSE_FRAME_MALFORMED'],
    [
      'an unsigned order',
      when('order', { ...ordering, order: { bytes, signatures: [] } }),
      'HANSE_SIGNATURE_MISSING',
    ],
    [
      'no order in the order',
      when('order', { ...ordering, order: { bytes: PROMPT, signatures: [] } }),
      'HANSE_RECORD_MALFORMED',
    ],
  ])('with %s is left', (_, toProvider, code) => {
    const session = new SessionDriver({ toProvider }).run()
    expect(session.provider.ended?.reason).toBe('protocol-violation')
    expect(codes(session)[1]).toBe(code)
    expect(session.engine === 'running').toBe(false)
    expect(session.consumer.ended).toBeDefined()
  })

  test('that refuses for no reason is left with its own code', () => {
    const refuse: ConsumerFrame = { t: 'refuse', sequence: 0n, code: 'HANSE_RECEIPT_AMOUNT' }
    const session = new SessionDriver({ toProvider: when('countersign', refuse) }).run()
    expect(session.provider.ended?.reason).toBe('receipt-refused')
    expect(codes(session)[1]).toBe('HANSE_RECEIPT_AMOUNT')
  })

  test('that signs with another key is left', () => {
    const session = new SessionDriver({
      toProvider: (frame) => {
        if (frame.t !== 'countersign') return [frame]
        const signature = signBytes(context, receipt, PROMPT, 'consumer', stranger).signature
        return [{ ...frame, signature }]
      },
    }).run()
    expect(codes(session)[1]).toBe('HANSE_SIGNATURE_INVALID')
  })
})

test('nothing wakes a session that has ended', () => {
  const session = run({ engine: { chunks: ones(2) } })
  const receipts = session.consumer.receipts.length
  const { now } = session
  session.cancel()
  session.toConsumer({ type: 'closed', now })
  session.toConsumer({ type: 'timer', timer: 'deadline', now })
  session.toProvider({ type: 'closed', now })
  session.toProvider({ type: 'deltas', deltas: [{ tokens: 1, payload: utf8('x') }], now })
  session.toProvider({ type: 'timer', timer: 'deadline', now })
  session.toProvider({ type: 'frame', frame: { t: 'cancel' }, now })
  expect(session.consumer.receipts).toHaveLength(receipts)
  expect(PROVIDER_LIMITS.countersignMs).toBeGreaterThan(0)
})
