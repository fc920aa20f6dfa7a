import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  type Answer,
  Authorizer,
  Consumer,
  type Failover,
  type FailoverSettings,
  NodeStore,
  OfferDirectory,
} from '@hanse/node'
import { picoEuro } from '@hanse/protocol'
import { answerText } from '../vllm-double.ts'
import { MODEL, NETWORK, type Peer } from './seller.ts'
import { Wiretap } from './wiretap.ts'

/** Output tokens between receipts. */
export const RECEIPT_EVERY = 8
const DEADLINE_MS = 60_000

interface Chunk {
  readonly id: string
  readonly created: number
  readonly model: string
  readonly choices: readonly {
    readonly delta: { readonly role?: string; readonly content?: string }
    readonly finish_reason: string | null
  }[]
  readonly usage?: {
    readonly prompt_tokens: number
    readonly completion_tokens: number
    readonly total_tokens: number
  }
}

export interface Asked {
  readonly answer: Answer
  readonly failovers: readonly Failover[]
  readonly chunks: readonly Chunk[]
}

/** Buys answers, and knows nothing of providers from one answer to the next. */
export class Asker implements Disposable {
  readonly store = new NodeStore(':memory:')
  readonly tap: Wiretap
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
    this.tap = new Wiretap(peer.network, NETWORK)
  }

  /**
   * Asks for an answer, of the first of `providers` if it is there, and reads all of it.
   *
   * @param onTokens told how many tokens the client has
   */
  async ask(
    providers: readonly string[],
    failover: FailoverSettings,
    onTokens: (tokens: number, answer: Answer) => void = () => {},
    body: Record<string, unknown> = {},
  ): Promise<Asked> {
    const failovers: Failover[] = []
    const consumer = this.#consumer(failover, (event) => failovers.push(event))
    const messages = [{ role: 'user', content: 'tell me a long story' }]
    const answer = await consumer.request(
      {
        kind: 'chat',
        model: MODEL,
        body: new TextEncoder().encode(JSON.stringify({ model: MODEL, messages, ...body })),
        maxOutputTokens: undefined,
        policy: { order: providers, hedge: false },
      },
      { signal: AbortSignal.timeout(DEADLINE_MS) },
    )
    const chunks: Chunk[] = []
    let tokens = 0
    for await (const payloads of answer.payloads) {
      for (const payload of payloads) {
        const chunk = JSON.parse(new TextDecoder().decode(payload)) as Chunk
        chunks.push(chunk)
        if ((chunk.choices[0]?.delta.content ?? '') !== '') tokens++
      }
      onTokens(tokens, answer)
    }
    return { answer, failovers, chunks }
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]()
  }

  #consumer(failover: FailoverSettings, onFailover: (event: Failover) => void): Consumer {
    const { signer, network } = this.#peer
    const context = { network: NETWORK }
    const { store } = this
    const now = Date.now
    return new Consumer({
      networkName: NETWORK,
      signer,
      network: this.tap.network,
      store,
      directory: new OfferDirectory({ network, context, now }),
      authorizer: new Authorizer({ context, store, source: undefined, amount: picoEuro(1n), now }),
      settings: {
        residency: { allow: [], minLevel: 0, trustedAttestors: [] },
        maxInputPrice: undefined,
        maxOutputPrice: undefined,
        receiptEvery: BigInt(RECEIPT_EVERY),
        creditWindowMax: picoEuro(10n ** 9n),
        deadlineMs: DEADLINE_MS,
        keepRequests: false,
        failover,
      },
      now,
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
      onFailover,
    })
  }
}

/** That the client got one complete answer, and could not have told that several providers gave it. */
export function proveWhole({ chunks, answer }: Asked, tokens: number): void {
  const choices = chunks.flatMap((chunk) => chunk.choices)
  const text = choices.map(({ delta }) => delta.content ?? '').join('')
  assert.equal(text, answerText(tokens))
  assert.equal(
    new Set(chunks.map(({ id, created, model }) => JSON.stringify([id, created, model]))).size,
    1,
  )
  assert.equal(choices[0]?.delta.role, 'assistant')
  assert.equal(choices.filter(({ delta }) => delta.role !== undefined).length, 1)
  const finishes = choices.flatMap(({ finish_reason: reason }) => reason ?? [])
  assert.deepEqual(finishes, ['stop'])
  assert.equal(choices.at(-1)?.finish_reason, 'stop')
  const usages = chunks.filter((chunk) => chunk.choices.length === 0)
  assert.equal(usages.length, 1)
  assert.equal(chunks.at(-1), usages[0])
  const {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: total,
  } = usages[0]?.usage ?? {}
  assert.equal(completion, tokens)
  assert.equal(total, (prompt ?? 0) + tokens)
  assert.equal(prompt, PROMPT_TOKENS, answer.session)
}

/** Five words, four around the message, and three that open the answer. */
const PROMPT_TOKENS = 12
