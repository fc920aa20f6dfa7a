import type { Answer } from '../consumer/answer.ts'
import type { InferenceRequest, RequestOptions } from '../consumer/request.ts'
import type { JsonObject } from '../engine/json.ts'
import { AnswerInspector, type ChunkHead } from './answer-inspector.ts'
import type { OpenAiRequest } from './request.ts'

/** What answers requests: a Consumer. */
export interface Buyer {
  request(request: InferenceRequest, options: RequestOptions): Promise<Answer>
}

/** A chat or text completion that has begun, whatever the client's own protocol is. */
export interface OpenedAnswer {
  /** Who began it. */
  readonly first: Answer
  /**
   * OpenAI chunks in JSON, for one reader. A role comes first, usage is left out, and it ends only after a finish chunk.
   * Throws a HanseError when the answer is not whole; leaving it early cancels.
   */
  readonly chunks: AsyncIterable<readonly Uint8Array[]>
  /** What the chunks have in common. */
  readonly head: ChunkHead
  /** All answers that it is made of: one for each choice. */
  readonly answers: readonly Answer[]
  /** Usage of each as a whole, whoever gave it; known once the chunks have been read. */
  readonly counted: readonly (JsonObject | undefined)[]
}

/** @throws {HanseError} why nobody answers; nothing but what `HANSE_…` says was delivered then */
export async function openOne(
  buyer: Buyer,
  request: OpenAiRequest,
  body: Uint8Array,
  options: RequestOptions,
): Promise<OpenedAnswer> {
  const { kind, model, maxOutputTokens, policy } = request
  const answer = await buyer.request({ kind, model, maxOutputTokens, body, policy }, options)
  const inspector = new AnswerInspector(kind === 'chat' ? 'chat' : 'completion')
  const payloads = answer.payloads[Symbol.asyncIterator]()
  // What is wrong with the very beginning is still an error with a status of its own.
  const beginning = await begin(answer, payloads, inspector)
  return {
    first: answer,
    chunks: follow(answer, payloads, inspector, beginning),
    get head() {
      return inspector.head
    },
    answers: [answer],
    get counted() {
      return [inspector.usage]
    },
  }
}

async function begin(
  answer: Answer,
  payloads: AsyncIterator<readonly Uint8Array[]>,
  inspector: AnswerInspector,
): Promise<readonly Uint8Array[]> {
  try {
    for (;;) {
      const next = await payloads.next()
      if (next.done === true) {
        inspector.end()
        return []
      }
      const passed = inspector.take(next.value)
      if (passed.length > 0) return passed
    }
  } catch (error) {
    answer.cancel()
    throw error
  }
}

async function* follow(
  answer: Answer,
  payloads: AsyncIterator<readonly Uint8Array[]>,
  inspector: AnswerInspector,
  beginning: readonly Uint8Array[],
): AsyncGenerator<readonly Uint8Array[]> {
  let ended = false
  try {
    yield beginning
    for (let next = await payloads.next(); next.done !== true; next = await payloads.next()) {
      const passed = inspector.take(next.value)
      if (passed.length > 0) yield passed
    }
    ended = true
    inspector.end()
  } finally {
    if (!ended) answer.cancel()
  }
}
