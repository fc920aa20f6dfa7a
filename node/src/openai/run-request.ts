import { formatEuro, HanseError } from '@hanse/protocol'
import { narrowed } from '../consumer/narrow-policy.ts'
import type { RequestOptions } from '../consumer/request.ts'
import { encodeJson, isJsonObject, type JsonObject, parseJsonObject } from '../engine/json.ts'
import type { Admission } from './admission.ts'
import { answerHeaders } from './answer-headers.ts'
import { ChatBuilder } from './chat-builder.ts'
import { type Costs, costsOf, freeOfCost } from './costs.ts'
import { EmbeddingBuilder } from './embedding-builder.ts'
import { faultOf } from './errors.ts'
import type { LiveAnswer } from './live-answer.ts'
import type { Buyer, OpenedAnswer } from './open-answer.ts'
import type { OpenAiRequest } from './request.ts'
import type { RequestRun } from './request-run.ts'
import { StreamedAnswer } from './streamed-answer.ts'
import { TextBuilder } from './text-builder.ts'

/** A request that may run, and what it runs with. */
export interface AdmittedRequest {
  readonly request: OpenAiRequest
  readonly admission: Admission
  readonly run: RequestRun
  readonly trace: string | undefined
}

export interface Runner {
  readonly consumer: Buyer
  open(request: OpenAiRequest, options: RequestOptions): Promise<OpenedAnswer>
}

/**
 * Has a request answered, in the form that its client reads.
 *
 * @throws {HanseError} what is wrong before the answer has begun; of a document also what is wrong later
 */
export async function runRequest(
  { request, admission, run, trace }: AdmittedRequest,
  runner: Runner,
  signal: AbortSignal,
): Promise<LiveAnswer> {
  const stop = admission.signal
  const alive = stop === undefined ? signal : AbortSignal.any([signal, stop])
  const options = { signal: alive, account: admission.account, trace }
  const asked = {
    ...request,
    policy: narrowed(request.policy, admission.limits),
    maxOutputTokens: lowest(request.maxOutputTokens, admission.maxOutputTokens),
  }
  /** Why it was stopped counts for more than what that broke. */
  const why = (error: unknown): HanseError =>
    stop?.aborted === true && stop.reason instanceof HanseError ? stop.reason : faultOf(error)
  try {
    if (request.kind === 'embedding') return await embed(asked, runner.consumer, options, run)
    const opened = await runner.open(asked, options)
    run.begun(() => opened.answers)
    return request.stream
      ? new StreamedAnswer(opened, { includeUsage: request.includeUsage, run, signal: alive, why })
      : await gathered(asked, opened, run)
  } catch (error) {
    throw why(error)
  }
}

async function gathered(
  request: OpenAiRequest,
  opened: OpenedAnswer,
  run: RequestRun,
): Promise<LiveAnswer> {
  const builder = request.kind === 'chat' ? new ChatBuilder() : new TextBuilder()
  for await (const chunks of opened.chunks) for (const chunk of chunks) builder.add(chunk)
  const document = builder.build()
  const costs = await costsOf(opened)
  run.whole(costs)
  return documentAnswer(document, costs, answerHeaders(opened.first))
}

async function embed(
  request: OpenAiRequest,
  consumer: Buyer,
  options: RequestOptions,
  run: RequestRun,
): Promise<LiveAnswer> {
  const { kind, model, policy, maxOutputTokens, encoding, dimensions } = request
  const body = request.bodies[0] ?? request.body
  const answer = await consumer.request({ kind, model, maxOutputTokens, body, policy }, options)
  run.begun(() => [answer])
  const builder = new EmbeddingBuilder(encoding, dimensions)
  try {
    for await (const payloads of answer.payloads)
      for (const payload of payloads) builder.add(payload)
    const document = builder.build()
    const costs = await costsOf({ answers: [answer], counted: [builder.usage] })
    run.whole(costs)
    return documentAnswer(document, costs, answerHeaders(answer))
  } catch (error) {
    answer.cancel()
    throw error
  }
}

function documentAnswer(
  document: JsonObject,
  costs: Costs,
  headers: Record<string, string>,
): LiveAnswer {
  const { usage, hanse, amount } = costs
  return {
    headers: {
      ...headers,
      'content-type': 'application/json; charset=utf-8',
      'x-hanse-cost': formatEuro(amount),
    },
    body: encodeJson({ ...document, usage, hanse }),
    isWhole: () => true,
    asFree: freeDocument,
  }
}

function freeDocument(bytes: Uint8Array): Uint8Array {
  const document = parseJsonObject(bytes) ?? {}
  const { usage, hanse } = document
  if (!isJsonObject(usage) || !isJsonObject(hanse)) return bytes
  return encodeJson({ ...document, ...freeOfCost({ usage, hanse }) })
}

/** The lower of two limits, where there are any. */
function lowest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}
