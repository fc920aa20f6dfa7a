import {
  addCosignatures,
  type FetchTile,
  formatAddCheckpoint,
  parseCheckpoint,
  TileReader,
  WITNESS_SIZE_TYPE,
} from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'

/** A witness, and the address below which it takes checkpoints. */
export interface WitnessAddress {
  readonly vkey: string
  readonly url: string
}

export interface WitnessFeedOptions {
  readonly fetch?: typeof fetch
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onFailure?: (witness: WitnessAddress, error: unknown) => void
}

/** A witness checks two signatures and a proof. */
const ANSWER_MS = 5_000
/** An answer is a line; a witness with several keys sends several. */
const ANSWER_BYTES_MAX = 16_384
const RETRY_FIRST_MS = 1_000
/** A witness that is back has the log's checkpoint within five minutes. */
const RETRY_MAX_MS = 300_000

/** Shows each checkpoint to the witnesses and keeps what they sign. None of them is waited for by anything else. */
export class WitnessFeed {
  readonly #store: SettlementStore
  readonly #witnesses: readonly Watched[]
  readonly #options: WitnessFeedOptions

  constructor(
    store: SettlementStore,
    witnesses: readonly WitnessAddress[],
    options: WitnessFeedOptions,
  ) {
    this.#store = store
    this.#witnesses = witnesses.map((address) => ({ address, failures: 0, retryAt: 0 }))
    this.#options = options
  }

  /** Shows the latest checkpoint to every witness that has not cosigned it and is not to be left alone for now. */
  async run(): Promise<void> {
    const head = await this.#store.logHead()
    if (head === undefined) return
    await Promise.all(
      this.#witnesses.map(async (witness) => {
        if (witness.cosigned === head.note || this.#options.now() < witness.retryAt) return
        try {
          await this.#show(witness, head.note)
          witness.cosigned = head.note
          witness.failures = 0
        } catch (error) {
          const waitMs = Math.min(RETRY_FIRST_MS * 2 ** witness.failures, RETRY_MAX_MS)
          witness.retryAt = this.#options.now() + waitMs
          witness.failures++
          this.#options.onFailure?.(witness.address, error)
        }
      }),
    )
  }

  async #show({ address }: Watched, note: string): Promise<void> {
    const { vkey } = address
    const { size } = parseCheckpoint(note)
    const known = await this.#store.witnessSize(vkey)
    let answer = await this.#post(address, note, known > size ? 0n : known)
    if (answer.conflict !== undefined) {
      // Another process of this log showed it a newer one, which has been cosigned by now.
      if (answer.conflict > size) return
      answer = await this.#post(address, note, answer.conflict)
    }
    if (answer.lines === undefined) throw new Error('the witness tells another size each time')
    const line = addCosignatures(note, answer.lines, [vkey]).slice(note.length).trimEnd()
    if (line === '') throw new Error('the answer is not signed by the witness')
    await this.#store.keepCosigned(vkey, size, { note, line })
  }

  async #post(
    { url }: WitnessAddress,
    checkpoint: string,
    oldSize: bigint,
  ): Promise<{ lines?: string; conflict?: bigint }> {
    const read: FetchTile = (path) => this.#store.logTile(path)
    const reader = new TileReader(read, parseCheckpoint(checkpoint).size)
    const proof = await reader.consistencyProof(oldSize)
    const response = await (this.#options.fetch ?? fetch)(`${url}/add-checkpoint`, {
      method: 'POST',
      body: formatAddCheckpoint({ oldSize, proof, checkpoint }),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const text = await limited(response)
    if (response.status === 200) return { lines: text }
    const isSize = response.headers.get('content-type')?.startsWith(WITNESS_SIZE_TYPE) === true
    if (response.status === 409 && isSize && /^\d{1,20}\n$/u.test(text)) {
      return { conflict: BigInt(text.trim()) }
    }
    throw new Error(`${response.status} ${text.slice(0, 200).trim()}`)
  }
}

interface Watched {
  readonly address: WitnessAddress
  failures: number
  /** Milliseconds since 1970. */
  retryAt: number
  /** The checkpoint that it cosigned last. */
  cosigned?: string
}

async function limited({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > ANSWER_BYTES_MAX) throw new Error('the answer is too long')
  }
  return text
}
