import { HanseError, type KnownOffer, type Match } from '@hanse/protocol'
import type { RequestKind } from '../engine/engine.ts'
import { encodeJson } from '../engine/json.ts'
import { faultOf } from '../openai/errors.ts'
import { modelEntry, modelList, modelQuery } from '../openai/models.ts'
import { errorResponse, type OpenAiResponse, type OpenAiService } from '../openai/service.ts'
import type { Call, Calls } from './calls.ts'

export interface OpenAiFetchOptions {
  readonly service: Pick<OpenAiService, 'handle'>
  /** What is on offer now. */
  readonly match: () => Promise<Match<KnownOffer>>
  readonly calls: Calls
}

type Fetch = typeof globalThis.fetch

const KINDS: Readonly<Record<string, RequestKind>> = {
  'chat/completions': 'chat',
  completions: 'completion',
  embeddings: 'embedding',
}

/** A `fetch` that answers as a gateway would, with nothing of HTTP in between. Aborting it reaches the provider. */
export function openAiFetch({ service, match, calls }: OpenAiFetchOptions): Fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const call = calls.begin(request.signal)
    const id = crypto.randomUUID()
    try {
      const answer = await respond(request, call, id)
      request.signal.throwIfAborted()
      const headers = { 'x-request-id': id, ...answer.headers }
      const body = bodyOf(answer.body, call)
      return new Response(body, { status: answer.status, headers })
    } catch (error) {
      call.end()
      throw error
    }
  }

  async function respond(request: Request, call: Call, id: string): Promise<OpenAiResponse> {
    const url = new URL(request.url)
    const path = /\/v1\/(.+)$/u.exec(url.pathname)?.[1] ?? ''
    const kind = Object.hasOwn(KINDS, path) ? KINDS[path] : undefined
    if (kind !== undefined && request.method === 'POST') {
      const body = new Uint8Array(await request.arrayBuffer())
      return await service.handle(kind, body, request.headers, { signal: call.signal, id })
    }
    try {
      const models = /^models(?:\/(.+))?$/u.exec(path)
      if (request.method === 'GET' && models !== null)
        return jsonResponse(await modelsAt(models[1], url.searchParams))
      throw new HanseError('HANSE_NOT_FOUND', `${request.method} /v1/${path} does not exist`)
    } catch (error) {
      return errorResponse(faultOf(error))
    }
  }

  async function modelsAt(id: string | undefined, query: URLSearchParams): Promise<object> {
    const { candidates } = await match()
    if (id === undefined) return modelList(candidates, modelQuery(query))
    const name = decodeURIComponent(id)
    const found = modelEntry(candidates, name)
    if (found !== undefined) return found
    throw new HanseError('HANSE_MODEL_UNKNOWN', `nobody offers the model ${name.slice(0, 128)}`)
  }
}

function jsonResponse(value: object): OpenAiResponse {
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return { status: 200, headers, body: encodeJson(value) }
}

function bodyOf(
  body: OpenAiResponse['body'],
  call: Call,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  if (!(body instanceof Uint8Array)) return streamOf(body, call)
  call.end()
  return body as Uint8Array<ArrayBuffer>
}

/** Takes the next piece only when it is read, so that a slow reader slows the provider down. */
function streamOf(pieces: AsyncIterable<Uint8Array>, call: Call): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]()
  const end = (): void => {
    call.end()
    // The iterator may be in the middle of a wait; aborting ends that first.
    call.abort()
    void iterator.return?.()
  }
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        call.signal.addEventListener('abort', () => controller.error(call.signal.reason), {
          once: true,
        })
      },
      pull: async (controller) => {
        const { done, value } = await iterator.next()
        if (call.signal.aborted) return
        if (done !== true) {
          controller.enqueue(value)
          return
        }
        call.end()
        controller.close()
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
}
