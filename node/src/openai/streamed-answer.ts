import { HanseError } from '@hanse/protocol'
import { encodeJson } from '../engine/json.ts'
import { answerHeaders } from './answer-headers.ts'
import { type Costs, costsOf, freeOfCost } from './costs.ts'
import { openAiError } from './errors.ts'
import { concat } from './json-members.ts'
import type { LiveAnswer } from './live-answer.ts'
import type { OpenedAnswer } from './open-answer.ts'
import type { RequestRun } from './request-run.ts'
import { DONE, encodeEvents, SSE_HEADERS } from './sse.ts'

export interface StreamedAnswerOptions {
  readonly includeUsage: boolean
  readonly run: RequestRun
  /** Aborted when nobody reads any more. */
  readonly signal: AbortSignal
  /** What to say of an error. */
  readonly why: (error: unknown) => HanseError
}

/** An answer as server-sent events: the engine's chunks as they come, usage for who asked for it, and `[DONE]`. */
export class StreamedAnswer implements LiveAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Uint8Array>
  readonly isWhole = (): boolean => this.#whole
  readonly asFree = (piece: Uint8Array): Uint8Array =>
    piece === this.#tail?.paid ? this.#tail.free : piece
  readonly #opened: OpenedAnswer
  readonly #options: StreamedAnswerOptions
  #whole = false
  /** The last piece, and the same for who pays nothing. */
  #tail: { readonly paid: Uint8Array; readonly free: Uint8Array } | undefined

  constructor(opened: OpenedAnswer, options: StreamedAnswerOptions) {
    this.#opened = opened
    this.#options = options
    this.headers = { ...answerHeaders(opened.first), ...SSE_HEADERS }
    this.body = this.#events()
    const { signal, run, why } = options
    // The client may go away before it has read anything.
    signal.addEventListener('abort', () => run.failed(why(signal.reason), 200), { once: true })
  }

  async *#events(): AsyncGenerator<Uint8Array> {
    const { run, why, includeUsage } = this.#options
    try {
      for await (const chunks of this.#opened.chunks) yield encodeEvents(chunks)
      this.#whole = true
      const ending = costsOf(this.#opened)
      void ending.then((costs) => run.whole(costs))
      yield includeUsage ? this.#usage(await ending) : DONE
    } catch (error) {
      const fault = why(error)
      run.failed(fault, 200)
      // Never a clean end without a finish chunk: clients would take the piece for the whole.
      yield encodeEvents([encodeJson(openAiError(fault))])
    } finally {
      if (!this.#whole)
        run.failed(new HanseError('HANSE_SESSION_CANCELLED', 'the client went away'), 200)
    }
  }

  #usage({ usage, hanse }: Costs): Uint8Array {
    const { head } = this.#opened
    const event = (costs: object): Uint8Array =>
      concat([encodeEvents([encodeJson({ ...head, choices: [], ...costs })]), DONE])
    this.#tail = { paid: event({ usage, hanse }), free: event(freeOfCost({ usage, hanse })) }
    return this.#tail.paid
  }
}
