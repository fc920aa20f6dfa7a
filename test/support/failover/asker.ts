import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import {
  type Answer,
  Authorizer,
  Consumer,
  type Failover,
  type FailoverSettings,
  NodeStore,
  OfferDirectory,
  openService,
} from '@hanse/node'
import { picoEuro } from '@hanse/protocol'
import { answerText } from '../vllm-double.ts'
import { MODEL, NETWORK, type Peer } from './seller.ts'
import { Wiretap } from './wiretap.ts'

/** Output tokens between receipts. */
export const RECEIPT_EVERY = 8
const DEADLINE_MS = 60_000
const FOUND_MS = 60_000
const CONTEXT = { network: NETWORK }

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
  readonly hanse?: Costs
}

/** What the last chunk says that the answer cost, pico-euro in decimal digits. */
interface Costs {
  readonly cost_pico_euro: string
  /** The last receipts came too late for the last chunk. */
  readonly estimated?: boolean
  readonly parts: readonly Cost[]
  readonly also_paid?: readonly Cost[]
}

interface Cost {
  readonly session: string
  readonly cost_pico_euro: string
}

const REQUEST = {
  model: MODEL,
  messages: [{ role: 'user', content: 'tell me a long story' }],
  stream: true,
  stream_options: { include_usage: true },
  hanse: { hedge: false },
}

/** Nothing is remembered from one answer to the next. */
const SETTINGS = {
  responseCache: false,
  responseCacheMs: 1,
  idempotencyMs: 1,
  answerMemoryMib: 1,
  remoteImages: false,
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
   * @param market who is there: all of them are found before anything is asked
   * @param onTokens told how many tokens the client has, and which session gave the last of them
   */
  async ask(
    providers: readonly string[],
    market: readonly string[],
    failover: FailoverSettings,
    onTokens: (tokens: number, session: string) => void = () => {},
  ): Promise<Asked> {
    const failovers: Failover[] = []
    const directory = await this.#find(market)
    const consumer = this.#consumer(directory, failover, (event) => failovers.push(event))
    const begun = Promise.withResolvers<Answer>()
    const request = async (...asked: Parameters<Consumer['request']>): Promise<Answer> => {
      const answer = await consumer.request(...asked)
      begun.resolve(answer)
      return answer
    }
    const { service } = openService({ request }, SETTINGS, Date.now)
    const { body } = await service.handle(
      'chat',
      new TextEncoder().encode(JSON.stringify(REQUEST)),
      new Headers({ 'x-hanse-order': providers.join(',') }),
      { id: randomUUID(), signal: AbortSignal.timeout(DEADLINE_MS) },
    )
    if (body instanceof Uint8Array) assert.fail(new TextDecoder().decode(body))
    const answer = await begun.promise
    const chunks: Chunk[] = []
    let tokens = 0
    let last = ''
    for await (const piece of body) {
      for (const event of eventsIn(piece)) {
        last = event
        if (event === DONE) continue
        const chunk = JSON.parse(event) as Chunk
        chunks.push(chunk)
        if ((chunk.choices?.[0]?.delta.content ?? '') !== '') tokens++
      }
      onTokens(tokens, answer.parts.at(-1)?.session ?? answer.session)
    }
    assert.equal(last, DONE)
    return { answer, failovers, chunks }
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]()
  }

  /** A look-up on a machine with too much to do may miss some. */
  async #find(market: readonly string[]): Promise<OfferDirectory> {
    const { network } = this.#peer
    for (const until = Date.now() + FOUND_MS; ; ) {
      const directory = new OfferDirectory({ network, context: CONTEXT, now: Date.now })
      const offers = await directory.find(MODEL, ['*'])
      const found = new Set<string>(offers.map(({ offer }) => offer.provider))
      if (market.every((provider) => found.has(provider))) return directory
      assert.ok(Date.now() < until, `${found.size} of ${market.length} providers were found`)
    }
  }

  #consumer(
    directory: OfferDirectory,
    failover: FailoverSettings,
    onFailover: (event: Failover) => void,
  ): Consumer {
    const { signer } = this.#peer
    const context = CONTEXT
    const { store } = this
    const now = Date.now
    return new Consumer({
      networkName: NETWORK,
      signer,
      network: this.tap.network,
      store,
      directory,
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

const DONE = '[DONE]'

/** What is after `data: ` in each event; pieces are whole events. */
function eventsIn(piece: Uint8Array): string[] {
  const events = new TextDecoder().decode(piece).split('\n\n')
  return events.filter((event) => event !== '').map((event) => event.replace(/^data: /u, ''))
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

/**
 * That the client was told what the answer cost, and each part of it, by the last receipts.
 *
 * @returns whether it was: on a machine with too much to do they may come later than the last chunk, which then says so
 */
export async function proveCost({ chunks, answer }: Asked): Promise<boolean> {
  const { amount, sessions } = await answer.bill
  const costs = chunks.at(-1)?.hanse
  assert.ok(costs !== undefined)
  assert.deepEqual(
    costs.parts.map(({ session }) => session),
    answer.parts.map(({ session }) => session),
  )
  if (costs.estimated === true) return false
  assert.equal(costs.cost_pico_euro, amount.toString())
  const told = [...costs.parts, ...(costs.also_paid ?? [])]
  assert.deepEqual(
    new Map(told.map((each) => [each.session, each.cost_pico_euro])),
    new Map(sessions.map(({ session, last }) => [session, (last?.amount ?? 0n).toString()])),
  )
  return true
}

/** Five words, four around the message, and three that open the answer. */
const PROMPT_TOKENS = 12
