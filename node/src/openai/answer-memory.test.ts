import assert from 'node:assert/strict'
import { HanseError } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { AnswerMemory, type Sharing } from './answer-memory.ts'
import type { LiveAnswer } from './live-answer.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const sharing = (key: string, more: Partial<Sharing> = {}): Sharing => ({
  key,
  fingerprint: 'request',
  keepMs: 1000,
  signal: new AbortController().signal,
  ...more,
})

function document(text: string): LiveAnswer {
  return { headers: {}, body: bytes(text), isWhole: () => true, asFree: (piece) => piece }
}

/** A stream that gives a piece whenever it is told to. */
class Tap {
  readonly live: LiveAnswer
  /** How it was left. */
  left: 'ended' | 'cancelled' | undefined
  pulls = 0
  #give: (() => void) | undefined
  #whole = false

  constructor(pieces: readonly string[], signal: AbortSignal, isWhole = true) {
    const next = async (): Promise<void> =>
      await new Promise((resolve, reject) => {
        this.pulls++
        this.#give = resolve
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    const pour = async function* (this: Tap): AsyncGenerator<Uint8Array> {
      try {
        for (const piece of pieces) {
          await next()
          yield bytes(piece)
        }
        this.#whole = isWhole
      } finally {
        this.left = this.#whole ? 'ended' : 'cancelled'
      }
    }
    this.live = {
      headers: {},
      body: pour.call(this),
      isWhole: () => this.#whole,
      asFree: (piece) => piece,
    }
  }

  async give(): Promise<void> {
    while (this.#give === undefined) await new Promise((resolve) => setImmediate(resolve))
    this.#give()
    this.#give = undefined
  }
}

async function textOf({ body }: LiveAnswer): Promise<string> {
  const parts: Uint8Array[] = []
  if (body instanceof Uint8Array) parts.push(body)
  else for await (const piece of body) parts.push(piece)
  return parts.map((part) => new TextDecoder().decode(part)).join('')
}

describe('answers that are kept', () => {
  const open = (now = () => 0, bytesMax = 1 << 20) => new AnswerMemory({ bytesMax, now })

  test('are given to the same key again, as often as it comes', async () => {
    const memory = open()
    let runs = 0
    const run = async () => document(`answer ${++runs}`)
    const first = await memory.share(sharing('a'), run)
    const second = await memory.share(sharing('a'), run)
    assert.deepEqual([first.replayed, second.replayed], [false, true])
    assert.equal(await textOf(second.live), 'answer 1')
    assert.equal(await textOf((await memory.share(sharing('b'), run)).live), 'answer 2')
  })

  test('are for one request only', async () => {
    const memory = open()
    await memory.share(sharing('a'), async () => document('x'))
    await assert.rejects(
      memory.share(sharing('a', { fingerprint: 'another' }), async () => document('y')),
      { code: 'HANSE_IDEMPOTENCY_MISMATCH' },
    )
  })

  test('last for their time, or for as long as a reader will have them', async () => {
    let now = 0
    const memory = open(() => now)
    const run = async () => document('x')
    await memory.share(sharing('a'), run)
    now = 900
    assert.equal((await memory.share(sharing('a', { maxAgeMs: 500 }), run)).replayed, false)
    now = 1800
    assert.equal((await memory.share(sharing('a'), run)).replayed, true)
    now = 1901
    assert.equal((await memory.share(sharing('a'), run)).replayed, false)
  })

  test('take no more room than there is: the least recently used go first', async () => {
    const memory = open(undefined, 4096)
    const run = async () => document('x'.repeat(100))
    for (const key of ['a', 'b', 'c']) await memory.share(sharing(key), run)
    assert.equal((await memory.share(sharing('a'), run)).replayed, true)
    await memory.share(sharing('d'), run)
    assert.equal((await memory.share(sharing('b'), run)).replayed, false)
    assert.ok(memory.bytes <= 4096)
  })

  test('are only whole ones: what failed is tried again', async () => {
    const memory = open()
    const fault = new HanseError('HANSE_CAPACITY', 'busy')
    await assert.rejects(
      memory.share(sharing('a'), async () => Promise.reject(fault)),
      fault,
    )
    const stop = new AbortController()
    const broken = await memory.share(sharing('a'), async () => {
      const tap = new Tap(['half'], stop.signal, false)
      void tap.give()
      return tap.live
    })
    assert.equal(await textOf(broken.live), 'half')
    assert.equal((await memory.share(sharing('a'), async () => document('x'))).replayed, false)
  })
})

describe('an answer that is still coming in', () => {
  const begin = async (pieces: readonly string[], signal?: AbortSignal) => {
    const memory = new AnswerMemory({ bytesMax: 1 << 20, now: () => 0 })
    let tap: Tap | undefined
    const join = async (more: Partial<Sharing> = {}) =>
      await memory.share(sharing('a', more), async (alive) => {
        tap = new Tap(pieces, alive)
        return tap.live
      })
    const first = await join(signal === undefined ? {} : { signal })
    if (tap === undefined) throw new Error('it does not run')
    return { tap, join, first }
  }

  test('is read from its beginning by who comes later, and made once', async () => {
    const { tap, join, first } = await begin(['a', 'b', 'c'])
    const one = textOf(first.live)
    await tap.give()
    await tap.give()
    const { live, replayed } = await join()
    const other = textOf(live)
    await tap.give()
    assert.deepEqual([await one, await other, replayed], ['abc', 'abc', true])
    assert.equal(tap.left, 'ended')
  })

  test('comes in no faster than somebody reads it', async () => {
    const { tap } = await begin(['a', 'b'])
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(tap.pulls, 0)
  })

  test('goes on while anybody waits for it, and is cancelled when nobody does', async () => {
    const [one, other] = [new AbortController(), new AbortController()]
    const { tap, join, first } = await begin(['a', 'b'], one.signal)
    const { live } = await join({ signal: other.signal })
    const reading = assert.rejects(textOf(first.live), { name: 'AbortError' })
    const rest = textOf(live)
    await tap.give()
    one.abort()
    await tap.give()
    await reading
    assert.equal(await rest, 'ab')
    assert.equal(tap.left, 'ended')

    const gone = new AbortController()
    const alone = await begin(['a', 'b'], gone.signal)
    const never = assert.rejects(textOf(alone.first.live))
    await alone.tap.give()
    gone.abort()
    await never
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(alone.tap.left, 'cancelled')
    assert.equal((await alone.join()).replayed, false)
  })
})
