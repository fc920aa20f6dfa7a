import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { request as httpsRequest, Agent as SecureAgent } from 'node:https'
import { EngineError } from '../engine.ts'

// Long enough for a TLS handshake across a continent; an engine on the same machine takes 1 ms.
const CONNECT_MS = 5_000

/** Largest answer that is no stream, in bytes: a list of a thousand models takes some 300 KiB. */
const DOCUMENT_BYTES_MAX = 4 << 20

export interface HttpCall {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: OutgoingHttpHeaders
  readonly body?: Uint8Array
  readonly signal: AbortSignal
}

/**
 * Keep-alive HTTP to one engine.
 *
 * node:http and not fetch: its first byte came in 0.44 ms against 1.1 ms (p50 on loopback), and it
 * has no timeout that would cut a prefill of many minutes.
 */
export class HttpClient {
  readonly #agent = new Agent({ keepAlive: true })
  readonly #secureAgent = new SecureAgent({ keepAlive: true })

  /** Resolves with the head of the response. @throws {EngineError} HANSE_ENGINE_UNAVAILABLE */
  async open(call: HttpCall): Promise<IncomingMessage> {
    try {
      return await this.#attempt(call)
    } catch (error) {
      // A kept connection may be closed by the engine just as it is used again; then nothing was
      // answered, and a fresh connection decides.
      if (!(error instanceof StaleConnectionError)) throw error
      return await this.#attempt({ ...call, headers: { ...call.headers, connection: 'close' } })
    }
  }

  close(): void {
    this.#agent.destroy()
    this.#secureAgent.destroy()
  }

  async #attempt({ method, url, headers, body, signal }: HttpCall): Promise<IncomingMessage> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const secure = url.protocol === 'https:'
    const options = { method, headers, agent: secure ? this.#secureAgent : this.#agent }
    // Not the `signal` option: it stays armed after the answer, when the connection is idle or serves
    // the next request, and then destroys that.
    const onAbort = (): void => void outgoing.destroy()
    const disarm = (): void => signal.removeEventListener('abort', onAbort)
    const onResponse = (response: IncomingMessage): void => {
      response.once('end', disarm).once('close', disarm)
      // Whoever reads the response is told of its errors; one that comes later must not end the process.
      response.on('error', () => {})
      resolve(response)
    }
    const outgoing = secure
      ? httpsRequest(url, options, onResponse)
      : httpRequest(url, options, onResponse)
    signal.addEventListener('abort', onAbort)
    outgoing.once('close', disarm)
    outgoing.on('error', (cause) => {
      if (signal.aborted) reject(signal.reason)
      else if (outgoing.reusedSocket) reject(new StaleConnectionError())
      else
        reject(
          new EngineError('HANSE_ENGINE_UNAVAILABLE', 'the engine cannot be reached', { cause }),
        )
    })
    outgoing.on('socket', (socket) => {
      if (!socket.connecting) return
      const timer = setTimeout(
        () => outgoing.destroy(new Error('no connection in time')),
        CONNECT_MS,
      )
      socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(timer))
      socket.once('close', () => clearTimeout(timer))
    })
    outgoing.end(body)
    return await promise
  }
}

class StaleConnectionError extends Error {}

/** The whole body. @throws {EngineError} HANSE_ENGINE_FAILED when it is cut or too large. */
export async function readDocument(
  response: IncomingMessage,
  bytesMax = DOCUMENT_BYTES_MAX,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength
      if (bytes > bytesMax) throw new Error(`more than ${bytesMax} bytes`)
      chunks.push(chunk)
    }
  } catch (cause) {
    throw new EngineError('HANSE_ENGINE_FAILED', "the engine's answer was cut or too large", {
      cause,
    })
  }
  return Buffer.concat(chunks)
}
