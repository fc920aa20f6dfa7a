import { type ErrorCode, HanseError } from '@hanse/protocol'
import type { RequestOptions } from '../consumer/request.ts'
import { encodeJson } from '../engine/json.ts'
import { type ChunkHead, parseChunk } from './answer-inspector.ts'
import { choicesOf, indexOf } from './chat-builder.ts'
import { type Buyer, type OpenedAnswer, openOne } from './open-answer.ts'
import type { OpenAiRequest } from './request.ts'

/** What passes when another choice has ended. */
const BUSY: ReadonlySet<ErrorCode> = new Set([
  'HANSE_CAPACITY',
  'HANSE_CONNECTION_LIMIT',
  'HANSE_BUDGET_RESERVED',
  'HANSE_RATE_LIMITED',
])

/**
 * One answer with several choices, each a request and a session of its own: providers sell one choice at a time, and
 * several of them answer faster than one.
 *
 * @throws {HanseError} why not even the first choice begins
 */
export async function openChoices(
  buyer: Buyer,
  request: OpenAiRequest,
  options: RequestOptions,
): Promise<OpenedAnswer> {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const opened: OpenedAnswer[] = []
  const places = new Places()
  const open = async (index: number): Promise<OpenedAnswer> => {
    const body = request.bodies[index] ?? request.body
    const one = await openOne(buyer, request, body, { ...options, signal })
    opened[index] = one
    places.taken()
    return one
  }
  const first = await open(0)
  const choices = request.bodies.map((_, index) =>
    read(index, async () => (index === 0 ? first : await places.whenFree(() => open(index))), {
      head: () => first.head,
      onEnd: () => places.freed(),
    }),
  )
  return {
    first: first.first,
    chunks: merge(choices, () => stop.abort()),
    get head() {
      return first.head
    },
    get answers() {
      return opened.flatMap(({ answers }) => answers)
    },
    get counted() {
      return opened.flatMap(({ counted }) => counted)
    },
  }
}

/** Lets choices wait for each other where providers, or a budget, have no room for all at once. */
class Places {
  #running = 0
  #change = Promise.withResolvers<void>()

  taken(): void {
    this.#running++
  }

  freed(): void {
    this.#running--
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }

  async whenFree<Value>(open: () => Promise<Value>): Promise<Value> {
    for (;;) {
      const { promise } = this.#change
      try {
        return await open()
      } catch (error) {
        const mayPass = error instanceof HanseError && BUSY.has(error.code) && this.#running > 0
        if (!mayPass) throw error
        await promise
      }
    }
  }
}

interface ReadOptions {
  /** What the chunks of all choices have in common. */
  readonly head: () => ChunkHead
  readonly onEnd: () => void
}

/** The chunks of one choice, under its number. */
async function* read(
  index: number,
  open: () => Promise<OpenedAnswer>,
  { head, onEnd }: ReadOptions,
): AsyncGenerator<readonly Uint8Array[]> {
  const { chunks } = await open()
  try {
    for await (const batch of chunks) yield batch.map((chunk) => numbered(chunk, index, head()))
  } finally {
    onEnd()
  }
}

function numbered(chunk: Uint8Array, index: number, head: ChunkHead): Uint8Array {
  const json = parseChunk(chunk)
  const choices = choicesOf(json).map((choice) => ({ ...choice, index: index + indexOf(choice) }))
  return encodeJson({ ...json, ...head, choices })
}

/** Whatever comes first of any. The first fault ends all. */
async function* merge<Value>(
  sources: readonly AsyncGenerator<Value>[],
  stop: () => void,
): AsyncGenerator<Value> {
  const next = async (source: AsyncGenerator<Value>) => ({ source, result: await source.next() })
  const pending = new Map(sources.map((source) => [source, next(source)]))
  try {
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values())
      if (result.done === true) {
        pending.delete(source)
        continue
      }
      pending.set(source, next(source))
      yield result.value
    }
  } finally {
    stop()
    // Those that still wait end by the signal; nobody hears of it any more.
    void Promise.allSettled([...pending.values(), ...sources.map((source) => source.return(null))])
  }
}
