import { HanseError } from '@hanse/protocol'
import type { LiveAnswer } from './live-answer.ts'
import { SharedRun } from './shared-run.ts'

export interface AnswerMemoryOptions {
  /** Of all answers that are kept. */
  readonly bytesMax: number
  readonly now: () => number
}

export interface Sharing {
  /** The same key gets the same answer. */
  readonly key: string
  /** Of the request: the key with another one is a mistake. */
  readonly fingerprint: string
  /** How long a whole answer is kept, ms. */
  readonly keepMs: number
  /** Answers that are older than this are made again, ms. */
  readonly maxAgeMs?: number
  readonly signal: AbortSignal
}

export interface Shared {
  readonly live: LiveAnswer
  /** It was made for an earlier request. */
  readonly replayed: boolean
}

interface Entry {
  readonly fingerprint: string
  readonly run: SharedRun
  /** When it began, ms. */
  readonly at: number
  /** Until when it is given out; while it runs it always is. */
  until: number
  /** 0 while it runs. */
  bytes: number
}

/** One answer is kept up to this size: as long as any text is, and some thousand embeddings. */
const ANSWER_BYTES_MAX = 8 << 20
/** Besides the bytes of its body. */
const ENTRY_BYTES = 1024

/** Whole answers, by key, as long as there is room. An answer that is still coming in is shared, too. */
export class AnswerMemory {
  readonly #options: AnswerMemoryOptions
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  constructor(options: AnswerMemoryOptions) {
    this.#options = options
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * The answer that is kept or made under this key, or a new one.
   *
   * @throws {HanseError} HANSE_IDEMPOTENCY_MISMATCH when the key was another request's; else why there is no answer
   */
  async share(
    { key, fingerprint, keepMs, maxAgeMs = Infinity, signal }: Sharing,
    run: (signal: AbortSignal) => Promise<LiveAnswer>,
  ): Promise<Shared> {
    const known = this.#find(key, maxAgeMs)
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) {
        throw new HanseError(
          'HANSE_IDEMPOTENCY_MISMATCH',
          'this idempotency-key was sent with another request before',
        )
      }
      return { live: await known.run.join(signal), replayed: true }
    }
    const entry = this.#begin(key, fingerprint, keepMs, run)
    return { live: await entry.run.join(signal), replayed: false }
  }

  #find(key: string, maxAgeMs: number): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const now = this.#options.now()
    if (entry.until <= now || now - entry.at > maxAgeMs) {
      this.#forget(key, entry)
      return undefined
    }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  #begin(
    key: string,
    fingerprint: string,
    keepMs: number,
    run: (signal: AbortSignal) => Promise<LiveAnswer>,
  ): Entry {
    const at = this.#options.now()
    const entry: Entry = {
      fingerprint,
      at,
      until: Infinity,
      bytes: 0,
      run: new SharedRun(run, (whole, bytes) => {
        if (this.#entries.get(key) !== entry) return
        if (whole && bytes <= ANSWER_BYTES_MAX) this.#keep(entry, bytes, keepMs)
        else this.#forget(key, entry)
      }),
    }
    this.#entries.set(key, entry)
    return entry
  }

  #keep(entry: Entry, bytes: number, keepMs: number): void {
    entry.until = this.#options.now() + keepMs
    entry.bytes = bytes + ENTRY_BYTES
    this.#bytes += entry.bytes
    for (const [key, oldest] of this.#entries) {
      if (this.#bytes <= this.#options.bytesMax) return
      if (oldest.bytes > 0) this.#forget(key, oldest)
    }
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
    this.#bytes -= entry.bytes
    entry.bytes = 0
  }
}
