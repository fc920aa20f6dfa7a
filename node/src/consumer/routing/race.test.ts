import assert from 'node:assert/strict'
import { type ErrorCode, HanseError } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { type RaceOptions, race } from './race.ts'
import { verdictOf } from './verdict.ts'

/** A provider that answers when the test says so. */
class Runner {
  readonly name: string
  readonly events: string[] = []
  readonly #token = Promise.withResolvers<string>()
  signal: AbortSignal | undefined

  constructor(name: string) {
    this.name = name
  }

  answer(): void {
    this.#token.resolve(this.name)
  }

  fail(code: ErrorCode, retryAfterMs?: number): void {
    const hint = retryAfterMs === undefined ? {} : { retryAfterMs }
    this.#token.reject(new HanseError(code, `${this.name}: ${code}`, hint))
  }

  /** As a session does: it ends when it is cancelled, unless a token is on its way. */
  contender(hedgeMs: number | undefined, patienceMs: number) {
    return {
      hedgeMs,
      patienceMs,
      order: async (signal: AbortSignal) => {
        this.signal = signal
        signal.addEventListener('abort', () => {
          this.events.push('aborted')
          if (!this.stubborn) this.fail('HANSE_SESSION_CANCELLED')
        })
        return await this.#token.promise
      },
      won: () => void this.events.push('won'),
      failed: ({ code }: HanseError, cancelled: boolean) => {
        if (!cancelled) this.events.push(code)
        return verdictOf(code, { ordered: true, cancelled })
      },
      lost: () => void this.events.push('lost'),
      discard: () => void this.events.push('discarded'),
    }
  }

  stubborn = false
}

interface Habits {
  readonly hedgeMs?: number
  readonly patienceMs?: number
  readonly hedges?: number
  readonly options?: Partial<RaceOptions<string>>
}

function start(names: string, { hedgeMs, patienceMs = 1e6, hedges = 1, options }: Habits = {}) {
  const runners = names.split('').map((name) => new Runner(name))
  const clock = { now: 0 }
  const timers = new Map<number, { at: number; run: () => void }>()
  const abort = new AbortController()
  let asked = 0
  let left = hedges
  let id = 0
  const result = race<string>({
    next: () => runners[asked++]?.contender(hedgeMs, patienceMs),
    hasNext: () => asked < runners.length,
    takeHedge: () => left-- > 0,
    mayFallBack: true,
    believesRefusals: true,
    timer: (ms, run) => {
      const own = id++
      timers.set(own, { at: clock.now + ms, run })
      return () => timers.delete(own)
    },
    now: () => clock.now,
    until: 1e7,
    signal: abort.signal,
    ...options,
  })
  result.catch(() => {})
  const pass = async (ms: number) => {
    clock.now += ms
    for (const [own, { at, run }] of timers)
      if (at <= clock.now) {
        timers.delete(own)
        run()
      }
    await settle()
  }
  const runner = (name: string) => {
    const found = runners.find((one) => one.name === name)
    assert.ok(found)
    return found
  }
  const running = () =>
    runners
      .filter(({ signal }) => signal !== undefined)
      .map(({ name }) => name)
      .join('')
  return { result, runner, running, pass, abort, timers }
}

/** Promises that are settled have told whoever waits for them. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

const rejects = async (result: Promise<unknown>, code: ErrorCode, retryAfterMs?: number) => {
  await assert.rejects(
    result,
    (error) =>
      error instanceof HanseError && error.code === code && error.retryAfterMs === retryAfterMs,
  )
}

describe('a race to the first token', () => {
  test('is won by the first that is asked, and leaves nothing behind', async () => {
    const { result, runner, running, timers } = start('ab')
    runner('a').answer()
    assert.equal(await result, 'a')
    assert.equal(running(), 'a')
    assert.deepEqual(runner('a').events, ['won'])
    assert.equal(runner('a').signal?.aborted, false)
    assert.equal(timers.size, 0)
  })

  test('goes to the next at once when one fails, is busy, or breaks the protocol', async () => {
    const { result, runner, running } = start('abcd')
    runner('a').fail('HANSE_ENGINE_FAILED')
    await settle()
    runner('b').fail('HANSE_CAPACITY', 5)
    await settle()
    runner('c').fail('HANSE_FRAME_UNEXPECTED')
    await settle()
    assert.equal(running(), 'abcd')
    runner('d').answer()
    assert.equal(await result, 'd')
  })

  test('ends at once with a request that would fail anywhere', async () => {
    const { result, runner, running } = start('ab')
    runner('a').fail('HANSE_ENGINE_REFUSED')
    await rejects(result, 'HANSE_ENGINE_REFUSED')
    assert.equal(running(), 'a')
  })

  test('tries elsewhere what one engine refuses, where engines differ on that', async () => {
    const { result, runner } = start('ab', { options: { believesRefusals: false } })
    runner('a').fail('HANSE_ENGINE_REFUSED')
    await settle()
    runner('b').answer()
    assert.equal(await result, 'b')
  })

  test('asks nobody else where the client wants it so', async () => {
    const { result, runner, running, pass } = start('ab', {
      hedgeMs: 10,
      patienceMs: 20,
      options: { mayFallBack: false },
    })
    await pass(100)
    assert.equal(running(), 'a')
    runner('a').fail('HANSE_PROVIDER_UNREACHABLE')
    await rejects(result, 'HANSE_PROVIDER_UNREACHABLE')
  })

  test('ends with the most telling fault, and the soonest time for a retry', async () => {
    const { result, runner } = start('abc')
    runner('a').fail('HANSE_PROVIDER_UNREACHABLE')
    await settle()
    runner('b').fail('HANSE_CAPACITY', 9_000)
    await settle()
    runner('c').fail('HANSE_PROVIDER_PAUSED', 2_000)
    await rejects(result, 'HANSE_CAPACITY', 2_000)
  })

  test('says a provider’s fault as such, and not as one of the client', async () => {
    const { result, runner } = start('a')
    runner('a').fail('HANSE_FRAME_UNEXPECTED')
    await rejects(result, 'HANSE_SESSION_ABORTED')
  })

  test('has nobody to ask', async () => {
    await rejects(start('').result, 'HANSE_NO_PROVIDER')
  })
})

describe('a hedge', () => {
  test('is started when the first is late, and the loser is cancelled', async () => {
    const { result, runner, running, pass } = start('abc', { hedgeMs: 100 })
    await pass(99)
    assert.equal(running(), 'a')
    await pass(1)
    assert.equal(running(), 'ab')
    runner('b').answer()
    assert.equal(await result, 'b')
    await settle()
    assert.deepEqual(runner('a').events, ['lost', 'aborted'])
    assert.deepEqual(runner('b').events, ['won'])
  })

  test('may lose itself', async () => {
    const { result, runner, pass } = start('ab', { hedgeMs: 100 })
    await pass(100)
    runner('a').answer()
    assert.equal(await result, 'a')
    await settle()
    assert.deepEqual(runner('b').events, ['lost', 'aborted'])
  })

  test('is not there when its share is used up, or nobody is left', async () => {
    const none = start('ab', { hedgeMs: 100, hedges: 0 })
    await none.pass(1_000)
    assert.equal(none.running(), 'a')
    none.runner('a').answer()
    await none.result
    let taken = 0
    const alone = start('a', {
      hedgeMs: 100,
      options: {
        takeHedge: () => {
          taken++
          return true
        },
      },
    })
    await alone.pass(1_000)
    assert.equal(taken, 0)
    alone.runner('a').answer()
    await alone.result
  })

  test('is waited for when the first fails meanwhile', async () => {
    const { result, runner, running, pass } = start('abc', { hedgeMs: 100 })
    await pass(100)
    runner('a').fail('HANSE_ENGINE_FAILED')
    await settle()
    assert.equal(running(), 'ab')
    runner('b').fail('HANSE_ENGINE_FAILED')
    await settle()
    runner('c').answer()
    assert.equal(await result, 'c')
  })

  test('whose token comes too late is read and thrown away', async () => {
    const { result, runner, pass } = start('ab', { hedgeMs: 100 })
    runner('a').stubborn = true
    await pass(100)
    runner('b').answer()
    await result
    runner('a').answer()
    await settle()
    assert.deepEqual(runner('a').events, ['lost', 'aborted', 'discarded'])
  })
})

describe('patience', () => {
  test('ends: another one is asked, and the late one stays in the race', async () => {
    const { result, runner, running, pass } = start('ab', { patienceMs: 30_000 })
    await pass(30_000)
    assert.equal(running(), 'ab')
    runner('a').answer()
    assert.equal(await result, 'a')
  })

  test('of the client ends everything', async () => {
    const { result, runner, pass, abort, timers } = start('ab', { hedgeMs: 100 })
    await pass(100)
    abort.abort()
    await rejects(result, 'HANSE_SESSION_CANCELLED')
    await settle()
    for (const name of ['a', 'b']) assert.deepEqual(runner(name).events, ['lost', 'aborted'])
    assert.equal(timers.size, 0)
    await rejects(
      start('a', { options: { signal: AbortSignal.abort() } }).result,
      'HANSE_SESSION_CANCELLED',
    )
  })

  test('is over at the deadline', async () => {
    const { result, runner, pass } = start('ab', { options: { until: 5_000 } })
    await pass(4_000)
    runner('a').fail('HANSE_PROVIDER_UNREACHABLE')
    await settle()
    await pass(1_000)
    await rejects(result, 'HANSE_SESSION_DEADLINE')
    await settle()
    assert.deepEqual(runner('b').events, ['lost', 'aborted'])
  })
})
