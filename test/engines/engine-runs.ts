import type { Engine, EngineEvent, EngineRequest, EngineUsage } from '@hanse/node'

/** A request as the session server makes one. */
export function requestOf(
  kind: EngineRequest['kind'],
  model: string,
  body: object,
  maxOutputTokens = 100,
): EngineRequest {
  const bytes = new TextEncoder().encode(JSON.stringify({ model: 'market/name', ...body }))
  return { kind, model, body: bytes, maxOutputTokens }
}

export const hello = { messages: [{ role: 'user', content: 'three small words' }] }

export interface Outcome {
  readonly payloads: readonly Chunk[]
  readonly text: string
  /** What the deltas sum to. */
  readonly tokens: number
  readonly usage: EngineUsage | undefined
  readonly finishReason: string | undefined
  readonly error: unknown
}

export interface Chunk {
  readonly object?: string
  readonly data?: readonly { readonly embedding: unknown; readonly index: number }[]
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string
      readonly reasoning?: string
      readonly tool_calls?: readonly unknown[]
    }
    readonly text?: string
    readonly logprobs?: unknown
    readonly finish_reason?: string | null
  }[]
  readonly usage?: Readonly<Record<string, unknown>>
}

/** Runs a request to its end, good or bad; a hang fails after 20 s. */
export async function outcomeOf(
  engine: Engine,
  request: EngineRequest,
  signal: AbortSignal = AbortSignal.timeout(20_000),
): Promise<Outcome> {
  const events: EngineEvent[] = []
  let error: unknown
  try {
    for await (const batch of engine.run(request, signal)) events.push(...batch)
  } catch (thrown) {
    error = thrown
  }
  const deltas = events.filter((event) => event.type === 'delta')
  const payloads = deltas.map(
    ({ payload }) => JSON.parse(new TextDecoder().decode(payload)) as Chunk,
  )
  const text = payloads
    .flatMap(({ choices = [] }) => choices)
    .map(({ delta, text: said }) => said ?? delta?.content ?? '')
    .join('')
  const end = events.find((event) => event.type === 'end')
  return {
    payloads,
    text,
    tokens: deltas.reduce((sum, { tokens }) => sum + tokens, 0),
    usage: end?.usage,
    finishReason: end?.finishReason,
    error,
  }
}

/** The text that a double says in `tokens` tokens. */
export function saidIn(tokens: number): string {
  return Array.from({ length: tokens }, (_, n) => ` t${n}`).join('')
}

export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries === 500) throw new Error(`never: ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 10)
    })
  }
}
