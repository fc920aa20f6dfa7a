import { createParser } from 'eventsource-parser'

export interface ChatAsked {
  readonly gatewayUrl: string
  readonly model: string
  readonly maxTokens?: number
  readonly prompt?: string
}

/** How a stream of a gateway went, to its end. */
export interface ChatEnd {
  readonly session: string | undefined
  readonly provider: string | undefined
  readonly tokens: number
  /** A whole answer, an error that the gateway told of, a connection that broke, or one that never ended. */
  readonly end: 'whole' | 'error' | 'cut' | 'hung'
  /** Of the error. */
  readonly code: string | undefined
}

export interface ChatStream {
  /** Resolves with the first token, or with the end when none comes. */
  readonly begun: Promise<void>
  readonly ended: Promise<ChatEnd>
  abort(): void
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[]
  readonly error?: { readonly code?: string | null }
}

/** Streams an answer; never rejects. What does not end within `hangMs` counts as hung, and is cut. */
export function openChat(asked: ChatAsked, hangMs: number): ChatStream {
  const begun = Promise.withResolvers<void>()
  const stop = new AbortController()
  const ended = follow(asked, stop.signal, hangMs, begun.resolve)
  void ended.then(() => begun.resolve())
  return { begun: begun.promise, ended, abort: () => stop.abort() }
}

/** As many at once. */
export function openChats(count: number, asked: ChatAsked, hangMs: number): ChatStream[] {
  return Array.from({ length: count }, () => openChat(asked, hangMs))
}

async function follow(
  { gatewayUrl, model, maxTokens, prompt = 'tell me a long story' }: ChatAsked,
  stop: AbortSignal,
  hangMs: number,
  onToken: () => void,
): Promise<ChatEnd> {
  const hang = AbortSignal.timeout(hangMs)
  let tokens = 0
  let end: ChatEnd['end'] = 'cut'
  let code: string | undefined
  let response: Response | undefined
  const onChunk = ({ choices, error }: Chunk): void => {
    if (error !== undefined) {
      end = 'error'
      code = error.code ?? undefined
    } else if ((choices?.[0]?.delta?.content ?? '') !== '') {
      tokens++
      onToken()
    }
  }
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') end = 'whole'
      else onChunk(JSON.parse(data) as Chunk)
    },
  })
  try {
    response = await fetch(`${gatewayUrl}/v1/chat/completions`, {
      method: 'POST',
      signal: AbortSignal.any([stop, hang]),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        stream: true,
        messages: [{ role: 'user', content: prompt }],
        ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
      }),
    })
    if (response.ok) {
      const text = new TextDecoder()
      for await (const bytes of response.body ?? [])
        parser.feed(text.decode(bytes, { stream: true }))
    } else onChunk((await response.json()) as Chunk)
  } catch {
    if (hang.aborted) end = 'hung'
  }
  return {
    session: response?.headers.get('x-hanse-session') ?? undefined,
    provider: response?.headers.get('x-hanse-provider') ?? undefined,
    tokens,
    end,
    code,
  }
}
