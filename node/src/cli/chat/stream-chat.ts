import { HanseError, type PicoEuro, picoEuro } from '@hanse/protocol'
import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import { askGateway, faultTold, type GatewayAccess } from '../gateway-client.ts'
import { costOfCut } from './cost-of-cut.ts'

const part = z.object({ provider: z.string(), country: z.string() })
const chunkSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z
          .object({
            content: z.string().nullish(),
            reasoning: z.string().nullish(),
            reasoning_content: z.string().nullish(),
          })
          .nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .optional(),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
  error: z.object({ code: z.unknown(), message: z.string().optional() }).nullish(),
  hanse: z
    .object({ cost_pico_euro: z.string().optional(), parts: z.array(part).optional() })
    .nullish(),
})
type Chunk = z.output<typeof chunkSchema>
export type AnswerPart = z.output<typeof part>

/** What came of an answer, whole or not, and what it cost. */
export interface StreamedAnswer {
  readonly text: string
  /** Why it is not whole: HANSE_SESSION_CANCELLED after the signal. */
  readonly fault: HanseError | undefined
  readonly finishReason: string | undefined
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  /** `undefined` where the gateway does not tell. */
  readonly cost: PicoEuro | undefined
  readonly model: string
  readonly session: string
  /** Who gave a part of it, in order. */
  readonly parts: readonly AnswerPart[]
  readonly bundle: string
  /** From the request to the first text, and from there to the end, ms. */
  readonly firstTextMs: number | undefined
  readonly textMs: number
}

export interface StreamChatOptions {
  readonly signal: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  readonly onText: (text: string) => void
  /** What the model thinks before it answers. */
  readonly onReasoning?: (text: string) => void
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

/**
 * Asks for an answer through the gateway and hands over its text as it comes.
 *
 * @throws {HanseError} why there is no answer at all: what the gateway says, HANSE_SESSION_CANCELLED after the signal
 */
export async function streamChat(
  access: GatewayAccess,
  body: Readonly<Record<string, unknown>>,
  options: StreamChatOptions,
): Promise<StreamedAnswer> {
  const { signal, headers = {}, now } = options
  const started = now()
  const response = await askGateway(access, '/v1/chat/completions', {
    method: 'POST',
    signal,
    headers,
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  })
  const reading = new Reading(options)
  const fault = (await read(response, reading, signal)) ?? reading.fault
  const header = (name: string) => response.headers.get(name) ?? ''
  const { text, finishReason, usage, first } = reading
  const { cost = await costOfCut(access, header('x-request-id'), fault) } = reading
  const only = { provider: header('x-hanse-provider'), country: header('x-hanse-country') }
  return {
    text,
    fault,
    finishReason,
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
    cost,
    model: header('x-hanse-model'),
    session: header('x-hanse-session'),
    parts: reading.parts ?? [only],
    bundle: header('x-hanse-bundle'),
    firstTextMs: first === undefined ? undefined : first - started,
    textMs: first === undefined ? 0 : now() - first,
  }
}

/** What the chunks have told so far. */
class Reading {
  readonly #options: StreamChatOptions
  text = ''
  finishReason: string | undefined
  usage: Chunk['usage']
  cost: PicoEuro | undefined
  parts: readonly AnswerPart[] | undefined
  first: number | undefined
  fault: HanseError | undefined

  constructor(options: StreamChatOptions) {
    this.#options = options
  }

  take({ choices, usage, error, hanse }: Chunk): void {
    if (error) this.fault = faultTold(error)
    this.usage = usage ?? this.usage
    this.parts = hanse?.parts ?? this.parts
    if (hanse?.cost_pico_euro !== undefined) this.cost = picoEuro(BigInt(hanse.cost_pico_euro))
    const { onText, onReasoning, now } = this.#options
    for (const { delta, finish_reason } of choices ?? []) {
      this.finishReason = finish_reason ?? this.finishReason
      const thought = delta?.reasoning ?? delta?.reasoning_content ?? ''
      const said = delta?.content ?? ''
      if (thought + said !== '') this.first ??= now()
      if (thought !== '') onReasoning?.(thought)
      if (said === '') continue
      this.text += said
      onText(said)
    }
  }
}

/** @returns why the stream did not come to its end */
async function read(
  response: Response,
  reading: Reading,
  signal: AbortSignal,
): Promise<HanseError | undefined> {
  let ended = false
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') ended = true
      else reading.take(chunkSchema.parse(JSON.parse(data)))
    },
  })
  const decoder = new TextDecoder()
  try {
    for await (const bytes of response.body ?? [])
      parser.feed(decoder.decode(bytes, { stream: true }))
  } catch (cause) {
    return signal.aborted
      ? new HanseError('HANSE_SESSION_CANCELLED', 'cancelled', { cause })
      : new HanseError('HANSE_SESSION_CUT', 'the gateway cut the answer', { cause })
  }
  return ended || reading.fault !== undefined
    ? undefined
    : new HanseError('HANSE_SESSION_CUT', 'the gateway cut the answer')
}
