import {
  type BundleReport,
  exportBundle,
  HanseError,
  type Match,
  type PicoEuro,
  type Receipt,
  receipt,
  type TrustRoots,
  verifyBundle,
} from '@hanse/protocol'
import { Authorizer } from '../consumer/authorizer.ts'
import { Consumer } from '../consumer/consumer.ts'
import type { FetchedOffer } from '../consumer/offer-directory.ts'
import type { RequestPolicy } from '../consumer/request.ts'
import type { SpotChecker } from '../consumer/spot-check/spot-checker.ts'
import { encodeJson } from '../engine/json.ts'
import { costsOf } from '../openai/costs.ts'
import { EmbeddingBuilder } from '../openai/embedding-builder.ts'
import { faultOf } from '../openai/errors.ts'
import { modelList } from '../openai/models.ts'
import type { Buyer } from '../openai/open-answer.ts'
import { type OpenAiRequest, parseRequest } from '../openai/request.ts'
import { OpenAiService } from '../openai/service.ts'
import type { SessionRow } from '../store/node-store.ts'
import { AnswerStream, billOf } from './answer-stream.ts'
import { type Call, Calls } from './calls.ts'
import type { ConsumerParts, SessionStore } from './consumer-parts.ts'
import { type ConsumerEventName, type ConsumerEvents, Listeners, quoteEvent } from './events.ts'
import { openAiFetch } from './openai-fetch.ts'
import type {
  ChatAnswer,
  ChatChunk,
  ChatRequest,
  CompletionAnswer,
  CompletionChunk,
  CompletionRequest,
  EmbeddingAnswer,
  EmbeddingRequest,
  ModelEntry,
} from './openai-types.ts'
import { Purse } from './purse.ts'
import { openSpotChecks } from './spot-checks.ts'

export interface CallOptions {
  /** Ends the answer, wherever it is: the provider hears of it within a round trip. */
  readonly signal?: AbortSignal | null
  /** How this one request wants to be served. It can only narrow what the consumer itself allows. */
  readonly policy?: RequestPolicy
  /** `traceparent` of W3C Trace Context, passed on to the provider. */
  readonly trace?: string
}

/** Of answers that are kept for a cache or an idempotency key, where requests ask for them; a page has no more to spare. */
const MEMORY_BYTES_MAX = 8 << 20

const NO_HEADERS = { get: () => undefined }

/** A consumer in your own program or page: it finds offers, orders, streams and countersigns, with no gateway between. */
export class HanseConsumer implements AsyncDisposable {
  /** What remembers receipts. */
  readonly store: SessionStore
  /**
   * For clients of OpenAI's API, as their `fetch`: answers `…/v1/chat/completions`, `…/v1/completions`, `…/v1/embeddings` and
   * `…/v1/models`, whatever the host.
   */
  readonly fetch: typeof globalThis.fetch

  readonly #parts: ConsumerParts
  readonly #consumer: Consumer
  readonly #checker: SpotChecker
  readonly #service: OpenAiService
  readonly #buyer: Buyer
  readonly #purse: Purse
  readonly #calls = new Calls()
  readonly #listeners = new Listeners()

  constructor(parts: ConsumerParts) {
    const { options, signer, network, directory, store, source, residency, now, random } = parts
    const { networkName } = options
    const context = { network: networkName, signer }
    this.#parts = parts
    this.store = store
    this.#purse = new Purse(options.budget)
    this.#consumer = new Consumer({
      networkName,
      signer,
      network,
      store,
      directory,
      authorizer: new Authorizer({
        context,
        store,
        source,
        amount: options.authorizationAmount,
        now,
      }),
      settings: { ...options.settings, residency },
      ...(parts.isRevoked === undefined ? {} : { isRevoked: parts.isRevoked }),
      onRefused: (refused) => this.#listeners.emit('refused', refused),
      ...(parts.measurements === undefined ? {} : { measurements: parts.measurements }),
      now,
      random,
      onQuote: (...quote) => this.#listeners.emit('quote', quoteEvent(...quote)),
      onReceipt: (session, countersigned) => {
        this.#purse.paid(session, countersigned.amount)
        this.#listeners.emit('receipt', { session, receipt: countersigned })
        if (countersigned.final !== null) parts.onFinal?.()
      },
      onFailover: (failover) => this.#listeners.emit('failover', failover),
      onEnd: (outcome) => this.#listeners.emit('end', outcome),
    })
    this.#checker = openSpotChecks(parts, {
      consumer: this.#consumer,
      account: this.#purse,
      onFound: (found) => this.#listeners.emit('spotCheck', found),
    })
    this.#buyer = {
      request: async (request, asked) => {
        const paying = { ...asked, account: this.#purse }
        return this.#checker.watch(request, await this.#consumer.request(request, paying))
      },
    }
    const memoryBytesMax = MEMORY_BYTES_MAX
    this.#service = new OpenAiService({ consumer: this.#buyer, now, memoryBytesMax })
    this.fetch = openAiFetch({
      service: this.#service,
      match: async () => await this.#consumer.match(),
      calls: this.#calls,
    })
  }

  get peerId(): string {
    return this.#parts.signer.peerId
  }

  /** Peers that are connected now. */
  get connectionCount(): number {
    return this.#parts.network.connectionCount
  }

  /** What was bought through this consumer since it was opened, by the receipts that both sides signed, pico-euro. */
  get spent(): PicoEuro {
    return this.#purse.spent
  }

  /** What of `budget` no running answer may need, pico-euro; `undefined` without one. */
  get budgetLeft(): PicoEuro | undefined {
    return this.#purse.free
  }

  /**
   * Asks for a chat completion, and resolves with its first token. Receipts are verified and countersigned as they come.
   *
   * @throws {HanseError} why nobody answers; nothing is owed then
   */
  async chat(
    request: ChatRequest | Pick<ChatRequest, 'model' | 'messages'>,
    options: CallOptions = {},
  ): Promise<AnswerStream<ChatChunk, ChatAnswer>> {
    return await this.#open<ChatChunk, ChatAnswer>('chat', request, options)
  }

  /** Asks for a text completion, and resolves with its first token. @throws {HanseError} why nobody answers */
  async completions(
    request: CompletionRequest,
    options: CallOptions = {},
  ): Promise<AnswerStream<CompletionChunk, CompletionAnswer>> {
    return await this.#open<CompletionChunk, CompletionAnswer>('completion', request, options)
  }

  /** Asks for embeddings. @throws {HanseError} why there are none */
  async embeddings(
    request: EmbeddingRequest | Pick<EmbeddingRequest, 'model' | 'input'>,
    options: CallOptions = {},
  ): Promise<EmbeddingAnswer> {
    return await this.#call(options, async (call) => {
      const asked = requestOf('embedding', request, options)
      const answer = await this.#buyer.request(
        { ...asked, body: asked.bodies[0] ?? asked.body },
        { signal: call.signal, trace: options.trace },
      )
      try {
        const builder = new EmbeddingBuilder(asked.encoding, asked.dimensions)
        for await (const payloads of answer.payloads)
          for (const payload of payloads) builder.add(payload)
        const { usage, hanse } = await costsOf({ answers: [answer], counted: [builder.usage] })
        return { ...builder.build(), usage, hanse } as unknown as EmbeddingAnswer
      } catch (error) {
        answer.cancel()
        throw error
      } finally {
        call.end()
      }
    })
  }

  /** Which offers fit (of one model, or of all), and for every other one why not and what would change it. */
  async offers(model?: string, policy: RequestPolicy = {}): Promise<Match<FetchedOffer>> {
    return await this.#consumer.match(model, policy)
  }

  /** Each model once, with what the market has of it, as `GET /v1/models` of a gateway lists them; best price first. */
  async models(): Promise<readonly ModelEntry[]> {
    const { candidates } = await this.#consumer.match()
    const { data } = modelList(candidates, { supportedParameters: [], sort: 'price' })
    return data as readonly ModelEntry[]
  }

  /** Calls `listener` for each event from now on. @returns what to call to hear no more */
  on<Name extends ConsumerEventName>(
    name: Name,
    listener: (event: ConsumerEvents[Name]) => void,
  ): () => void {
    return this.#listeners.on(name, listener)
  }

  /** Sessions that are remembered, newest first. */
  sessions(options: { readonly limit?: number } = {}): SessionRow[] {
    return this.store.sessions(options)
  }

  /** Receipts of a session that both sides have signed so far, in order; none of one that is not remembered. */
  receipts(session: string): readonly Receipt[] {
    return this.store.receipts(session).map(({ bytes }) => receipt.decode(bytes))
  }

  /** What proves a session so far: a CAR file. @throws {HanseError} HANSE_NOT_FOUND before its first receipt */
  bundle(session: string): Uint8Array {
    const evidence = this.store.evidence(session, this.#parts.options.networkName)
    if (evidence !== undefined) return exportBundle(evidence)
    throw new HanseError('HANSE_NOT_FOUND', 'no such session, or it has no receipt yet')
  }

  /** Checks a bundle, one line per check, believing whom this consumer believes. Never throws on bad input. */
  verify(bundle: Uint8Array, trust: TrustRoots = {}): BundleReport {
    const { options, residency } = this.#parts
    const { trustedAttestors } = residency
    const own = { attestors: trustedAttestors, settlements: trustedAttestors }
    return verifyBundle(bundle, { network: options.networkName, ...own, ...trust })
  }

  /** Ends what runs, countersigns what was delivered, and leaves the network. */
  async close(): Promise<void> {
    await this.#calls.close()
    await this.#checker.stop()
    this.#consumer[Symbol.dispose]()
    await this.#parts.resources[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #open<Chunk, Whole>(
    kind: 'chat' | 'completion',
    body: object,
    options: CallOptions,
  ): Promise<AnswerStream<Chunk, Whole>> {
    return await this.#call(options, async (call) => {
      const request = requestOf(kind, body, options)
      const opened = await this.#service.open(request, {
        signal: call.signal,
        trace: options.trace,
      })
      void billOf(opened.answers).then(() => call.end())
      return new AnswerStream<Chunk, Whole>(opened, kind, {
        cancel: () => call.abort(),
        receipts: (session) => this.receipts(session),
        bundle: (session) => this.bundle(session),
      })
    })
  }

  /** @param run ends the call itself, unless it throws */
  async #call<Result>(
    { signal }: CallOptions,
    run: (call: Call) => Promise<Result>,
  ): Promise<Result> {
    const call = this.#calls.begin(signal)
    try {
      return await run(call)
    } catch (error) {
      call.end()
      if (!call.signal.aborted) throw faultOf(error)
      throw new HanseError('HANSE_SESSION_CANCELLED', 'the request was cancelled', { cause: error })
    }
  }
}

function requestOf(
  kind: OpenAiRequest['kind'],
  body: object,
  { policy }: CallOptions,
): OpenAiRequest {
  const request = parseRequest(kind, encodeJson(body), NO_HEADERS)
  return { ...request, policy: { ...request.policy, ...policy } }
}
