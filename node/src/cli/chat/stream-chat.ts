import { HanseError, isErrorCode, type PicoEuro, picoEuro } from '@hanse/protocol'
import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import { askGateway, type GatewayAccess } from '../gateway-client.ts'

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
    .object({
      cost_pico_euro: z.string().optional(),
      parts: z.array(z.object({ provider: z.string(), country: z.string() })).optional(),
    })
    .nullish(),
})

/** An answer as it came to its end, and what it cost. */
export interface StreamedAnswer {
  readonly text: string
  readonly finishReason: string | undefined
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  readonly cost: PicoEuro | undefined
  readonly model: string
  readonly session: string
  readonly provider: string
  readonly country: string
  /** Providers that gave a part of it, in order. */
  readonly parts: number
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
 * @throws {HanseError} what the gateway says, also in mid-answer; HANSE_SESSION_CANCELLED after the signal
 */
export async function streamChat(
  access: GatewayAccess,
  body: Readonly<Record<string, unknown>>,
  { signal, headers = {}, onText, onReasoning, now }: StreamChatOptions,
): Promise<StreamedAnswer> {
  const started = now()
  const response = await askGateway(access, '/v1/chat/completions', {
    method: 'POST',
    signal,
    headers,
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  })
  let text = ''
  let finishReason: string | undefined
  let usage: z.output<typeof chunkSchema>['usage']
  let cost: PicoEuro | undefined
  let parts = 1
  let first: number | undefined
  let fault: HanseError | undefined
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') return
      const chunk = chunkSchema.parse(JSON.parse(data))
      if (chunk.error) fault = faultOf(chunk.error)
      usage = chunk.usage ?? usage
      const told = chunk.hanse?.cost_pico_euro
      if (told !== undefined) cost = picoEuro(BigInt(told))
      parts = chunk.hanse?.parts?.length ?? parts
      for (const { delta, finish_reason } of chunk.choices ?? []) {
        finishReason = finish_reason ?? finishReason
        const thought = delta?.reasoning ?? delta?.reasoning_content ?? ''
        const said = delta?.content ?? ''
        if (thought + said !== '') first ??= now()
        if (thought !== '') onReasoning?.(thought)
        if (said === '') continue
        text += said
        onText(said)
      }
    },
  })
  try {
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? [])
      parser.feed(decoder.decode(bytes, { stream: true }))
  } catch (cause) {
    throw signal.aborted
      ? new HanseError('HANSE_SESSION_CANCELLED', 'cancelled', { cause })
      : new HanseError('HANSE_SESSION_CUT', 'the gateway cut the answer', { cause })
  }
  if (fault !== undefined) throw fault
  const header = (name: string) => response.headers.get(`x-hanse-${name}`) ?? ''
  return {
    text,
    finishReason,
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
    cost,
    model: header('model'),
    session: header('session'),
    provider: header('provider'),
    country: header('country'),
    parts,
    bundle: header('bundle'),
    firstTextMs: first === undefined ? undefined : first - started,
    textMs: first === undefined ? 0 : now() - first,
  }
}

function faultOf({ code, message }: { code: unknown; message?: string | undefined }): HanseError {
  return new HanseError(
    isErrorCode(code) ? code : 'HANSE_INTERNAL',
    message ?? 'the answer broke off',
  )
}
