import { ERRORS, type HanseError } from '@hanse/protocol'
import type { RequestOptions } from '../consumer/request.ts'
import type { RequestKind } from '../engine/engine.ts'
import { encodeJson } from '../engine/json.ts'
import type { Admission, RequestFacts } from './admission.ts'
import { AnswerMemory, type Shared } from './answer-memory.ts'
import { errorHeaders, faultOf, openAiError } from './errors.ts'
import { type ImageSource, inlineImages } from './images.ts'
import type { LiveAnswer } from './live-answer.ts'
import { type Buyer, type OpenedAnswer, openOne } from './open-answer.ts'
import { openChoices } from './open-choices.ts'
import type { RequestHeaders } from './policy.ts'
import { type OpenAiRequest, parseRequest } from './request.ts'
import { type RequestRecord, RequestRun } from './request-run.ts'
import { type AdmittedRequest, runRequest } from './run-request.ts'
import {
  type CacheOptions,
  cacheSharing,
  type IdempotencyOptions,
  idempotencySharing,
} from './sharing.ts'

export interface OpenAiServiceOptions {
  readonly consumer: Buyer
  readonly now: () => number
  /** Fetches images that a request points at; they are refused without. */
  readonly images?: ImageSource | undefined
  readonly cache?: CacheOptions
  readonly idempotency?: IdempotencyOptions
  /** Of the answers that are kept, for the cache and for idempotency keys each; bytes. */
  readonly memoryBytesMax?: number
  /** Once for each request that was admitted, when the last of its sessions has ended. */
  readonly onEnd?: (record: RequestRecord) => void
}

/** What goes with a request and is not of it. */
export interface HandleOptions {
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  /** Of the request, as in `x-request-id`. */
  readonly id: string
  /** Who asks: answers that are kept are given to nobody else. */
  readonly caller?: string
  /** Asked once the request was read. @throws {HanseError} why it may not run */
  readonly admit?: (facts: RequestFacts) => Admission
  /** `traceparent` of W3C Trace Context. */
  readonly trace?: string | undefined
  /** The request is good and asks for a stream: whoever waits for it may be told that it goes on. */
  readonly onStream?: () => void
  /** As the service’s own, of this request. */
  readonly onEnd?: (record: RequestRecord) => void
}

export interface OpenAiResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON, or the events of a stream for one reader. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
}

/** Some ten thousand answers. */
const MEMORY_BYTES_MAX = 64 << 20

/**
 * OpenAI's API over a consumer, without any HTTP: for a server in front of it, and for the `fetch` of a client that runs in
 * the same process or page.
 */
export class OpenAiService {
  readonly #options: OpenAiServiceOptions
  readonly #cache: AnswerMemory
  readonly #idempotency: AnswerMemory

  constructor(options: OpenAiServiceOptions) {
    const { now, memoryBytesMax: bytesMax = MEMORY_BYTES_MAX } = options
    this.#options = options
    this.#cache = new AnswerMemory({ bytesMax, now })
    this.#idempotency = new AnswerMemory({ bytesMax, now })
  }

  /** Answers a request as OpenAI's server would. Never rejects: what goes wrong is an answer, too. */
  async handle(
    kind: RequestKind,
    body: Uint8Array,
    headers: RequestHeaders,
    options: HandleOptions,
  ): Promise<OpenAiResponse> {
    const { now, onEnd } = this.#options
    const { id, caller = '', signal, trace } = options
    const from = now()
    let admission: Admission | undefined
    let run: RequestRun | undefined
    try {
      const request = parseRequest(kind, body, headers)
      const facts = factsOf(request, id)
      admission = options.admit?.(facts) ?? {}
      run = new RequestRun({
        facts,
        caller,
        now,
        admission,
        onEnd: (record) => {
          onEnd?.(record)
          options.onEnd?.(record)
        },
      })
      if (request.stream) options.onStream?.()
      const admitted = { request, admission, run, trace }
      const answer = await this.#remembered(admitted, headers, caller, signal)
      const timing = { 'openai-processing-ms': String(now() - from) }
      return {
        status: 200,
        headers: { ...answer.headers, ...admission.headers, ...timing },
        body: answer.body,
      }
    } catch (error) {
      const fault = faultOf(error)
      run?.failed(fault)
      return errorResponse(fault, admission?.headers)
    }
  }

  /**
   * Begins to answer a chat or a text completion, for protocols other than OpenAI's; `parseRequest` makes the request.
   *
   * @throws {HanseError} why nobody answers
   */
  async open(request: OpenAiRequest, options: RequestOptions): Promise<OpenedAnswer> {
    const { consumer, images } = this.#options
    const asked = await inlineImages(request, images, options.signal)
    const [only, ...more] = asked.bodies
    return more.length === 0
      ? await openOne(consumer, asked, only ?? asked.body, options)
      : await openChoices(consumer, asked, options)
  }

  /** By its idempotency key, where there is one; from the cache, where that is wanted; and else anew. */
  async #remembered(
    admitted: AdmittedRequest,
    headers: RequestHeaders,
    caller: string,
    signal: AbortSignal,
  ): Promise<LiveAnswer> {
    const { request, run } = admitted
    const { consumer, cache, idempotency } = this.#options
    const runner = {
      consumer,
      open: async (...args: Parameters<OpenAiService['open']>) => await this.open(...args),
    }
    const anew = async (alive: AbortSignal) => await runRequest(admitted, runner, alive)
    const fromCache = async (alive: AbortSignal): Promise<LiveAnswer> => {
      const sharing = await cacheSharing(request, headers, caller, cache)
      if (sharing === undefined) return await anew(alive)
      const shared = await this.#cache.share({ ...sharing, signal: alive }, anew)
      if (shared.replayed) run.replayed()
      return cached(shared)
    }
    const sharing = await idempotencySharing(request, headers, caller, idempotency)
    if (sharing === undefined) return await fromCache(signal)
    const { live, replayed } = await this.#idempotency.share({ ...sharing, signal }, fromCache)
    if (!replayed) return live
    run.replayed()
    return { ...live, headers: { ...live.headers, 'x-hanse-replayed': 'true' } }
  }
}

/** An error as OpenAI's server says it. */
export function errorResponse(
  fault: HanseError,
  headers: Readonly<Record<string, string>> = {},
): OpenAiResponse {
  return {
    status: ERRORS[fault.code].http,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...headers,
      ...errorHeaders(fault),
    },
    body: encodeJson(openAiError(fault)),
  }
}

function factsOf(request: OpenAiRequest, id: string): RequestFacts {
  const { kind, model, stream, bodies, maxOutputTokens, body, policy, wishes, user } = request
  const choices = bodies.length
  return {
    id,
    kind,
    model,
    fallbackModels: policy.models ?? [],
    stream,
    choices,
    maxOutputTokens: maxOutputTokens === undefined ? undefined : maxOutputTokens * choices,
    bodyBytes: body.byteLength,
    tags: wishes.tags,
    user,
  }
}

/** An answer with a cache behind it: a hit costs nothing, and says so. */
function cached({ live, replayed }: Shared): LiveAnswer {
  const { headers, body, asFree } = live
  if (!replayed) return { ...live, headers: { ...headers, 'x-hanse-cache': 'miss' } }
  return {
    ...live,
    headers: { ...headers, 'x-hanse-cache': 'hit', 'x-hanse-cost': '0.00 EUR' },
    body: body instanceof Uint8Array ? asFree(body) : mapped(body, asFree),
  }
}

async function* mapped(
  pieces: AsyncIterable<Uint8Array>,
  change: (piece: Uint8Array) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield change(piece)
}
