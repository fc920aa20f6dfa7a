import { createParser } from 'eventsource-parser'

/** What came of a stream, as a client reads it. */
export interface ReadStream {
  readonly events: readonly Record<string, unknown>[]
  readonly comments: readonly string[]
  /** The last event was `[DONE]`. */
  readonly done: boolean
  /** All contents of the first choice. */
  readonly text: string
  /** Of the finish chunk. */
  readonly finish: string | null
  /** Of an event that is one. */
  readonly error:
    | { readonly code: string; readonly message: string; readonly type: string }
    | undefined
}

/** Reads a stream to its end. */
export async function readStream(response: Response): Promise<ReadStream> {
  const events: Record<string, unknown>[] = []
  const comments: string[] = []
  let done = false
  const parser = createParser({
    onComment: (comment) => comments.push(comment),
    onEvent: ({ data }) => {
      if (data === '[DONE]') done = true
      else events.push(JSON.parse(data) as Record<string, unknown>)
    },
  })
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? [])
    parser.feed(decoder.decode(bytes, { stream: true }))
  const choices = events.flatMap(choicesIn)
  return {
    events,
    comments,
    done,
    text: choices.map(({ delta, text }) => delta?.content ?? text ?? '').join(''),
    finish: choices.findLast(({ finish_reason }) => finish_reason)?.finish_reason ?? null,
    error: events.at(-1)?.error as ReadStream['error'],
  }
}

interface Choice {
  readonly index: number
  readonly delta?: { readonly content?: string }
  readonly text?: string
  readonly finish_reason?: string | null
}

function choicesIn({ choices }: Record<string, unknown>): readonly Choice[] {
  return Array.isArray(choices) ? (choices as Choice[]).filter(({ index }) => index === 0) : []
}
