import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { OpenAiResponse } from '../openai/index.ts'
import { encodeEvents, KEEP_ALIVE, SSE_HEADERS } from '../openai/sse.ts'
import { drained } from './drained.ts'

export interface AnswerWriterOptions {
  /** Silence after which a comment is sent, ms. */
  readonly keepAliveMs: number
  /** How long a stream may not even have begun before its head is sent, ms; 0 waits for ever. */
  readonly headAfterMs: number
}

/**
 * Writes an answer to a client. The head of a stream waits for the first token, so that what goes wrong before has its own
 * status. A client, or a proxy before it, that hears nothing for long gives up: so the head goes out after a while anyway.
 */
export class AnswerWriter implements Disposable {
  readonly #reply: FastifyReply
  readonly #raw: ServerResponse
  readonly #options: AnswerWriterOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #begun = false

  constructor(reply: FastifyReply, options: AnswerWriterOptions) {
    this.#reply = reply
    this.#raw = reply.raw
    this.#options = options
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  /** The request is good and asks for a stream. */
  expectStream(): void {
    const { headAfterMs } = this.#options
    if (headAfterMs === 0) return
    this.#timer = setTimeout(() => {
      this.#begin(SSE_HEADERS)
      this.#ping()
    }, headAfterMs)
  }

  async send({ status, headers, body }: OpenAiResponse): Promise<void> {
    if (body instanceof Uint8Array) {
      if (this.#begun) this.#raw.end(encodeEvents([body]))
      else {
        clearTimeout(this.#timer)
        await this.#reply.status(status).headers(headers).send(asBuffer(body))
      }
      return
    }
    if (!this.#begun) this.#begin(headers)
    for await (const piece of body) {
      if (this.#raw.destroyed) return
      this.#timer?.refresh()
      if (!this.#raw.write(piece)) await drained(this.#raw)
    }
    clearTimeout(this.#timer)
    this.#raw.end()
  }

  #begin(headers: Readonly<Record<string, string>>): void {
    clearTimeout(this.#timer)
    this.#begun = true
    const set = this.#reply.getHeaders() as Record<string, string>
    this.#reply.hijack()
    this.#raw.writeHead(200, { ...set, ...headers })
    this.#timer = setTimeout(() => this.#ping(), this.#options.keepAliveMs)
  }

  #ping(): void {
    // Who does not read what is there needs no sign of life.
    if (!this.#raw.destroyed && !this.#raw.writableNeedDrain) this.#raw.write(KEEP_ALIVE)
    this.#timer?.refresh()
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
