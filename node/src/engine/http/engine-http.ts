import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { EngineError } from '../engine.ts'
import { encodeJson, type JsonObject, parseJsonObject } from '../json.ts'
import { HttpClient, readDocument } from './http-client.ts'
import { refusalOf } from './refusals.ts'

// What is at hand in every engine; one that needs longer is not fit to serve.
const DOCUMENT_MS = 10_000

/** An engine that refuses says why in one packet; what comes later than this is not waited for. */
const REFUSAL_MS = 5_000

export interface EngineCall {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly signal: AbortSignal
  readonly body?: Uint8Array
}

/** HTTP to one engine, with its key, until it is closed. */
export class EngineHttp {
  readonly #headers: OutgoingHttpHeaders
  readonly #http = new HttpClient()
  readonly #closing = new AbortController()

  constructor(apiKey: string | undefined) {
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
  }

  /** This signal or the closing of the engine, whichever comes first. */
  until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([this.#closing.signal, signal])
  }

  /** Resolves with the head of an answer that is a success. @throws {EngineError} */
  async open({ method, url, signal, body }: EngineCall): Promise<IncomingMessage> {
    const headers: OutgoingHttpHeaders = {
      ...this.#headers,
      accept: 'text/event-stream, application/json',
    }
    if (body !== undefined) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = body.byteLength
    }
    const response = await this.#http.open({
      method,
      url: new URL(url),
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    })
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return response
    throw refusalOf(status, await this.#refusalBody(response))
  }

  /** A short answer, whole. @throws {EngineError} */
  async document(
    url: string,
    call: { readonly body?: unknown; readonly signal?: AbortSignal; readonly ms?: number } = {},
  ): Promise<Uint8Array> {
    const timeout = AbortSignal.timeout(call.ms ?? DOCUMENT_MS)
    const signal = this.until(
      call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]),
    )
    try {
      const response = await this.open({
        method: call.body === undefined ? 'GET' : 'POST',
        url,
        signal,
        ...(call.body === undefined ? {} : { body: encodeJson(call.body) }),
      })
      return await readDocument(response)
    } catch (cause) {
      if (call.signal?.aborted === true) throw call.signal.reason
      if (!timeout.aborted) throw cause
      throw new EngineError('HANSE_ENGINE_UNAVAILABLE', 'the engine did not answer in time', {
        cause,
      })
    }
  }

  /** A short answer that is a JSON object. @throws {EngineError} */
  async json(
    url: string,
    call: { readonly body?: unknown; readonly signal?: AbortSignal; readonly ms?: number } = {},
  ): Promise<JsonObject> {
    const parsed = parseJsonObject(await this.document(url, call))
    if (parsed === undefined)
      throw new EngineError('HANSE_ENGINE_FAILED', 'the engine sent no JSON object')
    return parsed
  }

  close(): void {
    this.#closing.abort(new EngineError('HANSE_ENGINE_UNAVAILABLE', 'the engine was closed'))
    this.#http.close()
  }

  async #refusalBody(response: IncomingMessage): Promise<JsonObject | undefined> {
    const timer = setTimeout(() => response.destroy(), REFUSAL_MS)
    try {
      return parseJsonObject(await readDocument(response))
    } catch {
      return undefined // The status says enough.
    } finally {
      clearTimeout(timer)
    }
  }
}
