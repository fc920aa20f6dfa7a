import { createParser } from 'eventsource-parser'

export interface Asked {
  readonly session: string
  readonly provider: string
  readonly country: string
  readonly model: string
  readonly text: string
  readonly outputTokens: number
  readonly firstTokenMs: number
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[]
  readonly usage?: { readonly completion_tokens?: number } | null
  readonly error?: { readonly message: string }
}

/** Sends one chat to the gateway and hands on its text as it comes. @throws with the gateway's own words */
export async function ask(
  gatewayUrl: string,
  request: { readonly model: string; readonly prompt: string; readonly maxTokens: number },
  onText: (text: string) => void,
): Promise<Asked> {
  const started = performance.now()
  const response = await fetch(`${gatewayUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: request.model,
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0,
      max_tokens: request.maxTokens,
      messages: [{ role: 'user', content: request.prompt }],
    }),
  })
  if (!response.ok)
    throw new Error(`the gateway answered ${response.status}: ${await response.text()}`)
  let text = ''
  let outputTokens = 0
  let firstTokenMs = Number.NaN
  let done = false
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') {
        done = true
        return
      }
      const chunk = JSON.parse(data) as Chunk
      if (chunk.error !== undefined) throw new Error(chunk.error.message)
      const piece = chunk.choices?.[0]?.delta?.content ?? ''
      if (piece !== '' && Number.isNaN(firstTokenMs)) firstTokenMs = performance.now() - started
      text += piece
      onText(piece)
      outputTokens = chunk.usage?.completion_tokens ?? outputTokens
    },
  })
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? [])
    parser.feed(decoder.decode(bytes, { stream: true }))
  if (!done) throw new Error('the answer broke off')
  const header = (name: string) => response.headers.get(`x-hanse-${name}`) ?? ''
  return {
    session: header('session'),
    provider: header('provider'),
    country: header('country'),
    model: header('model'),
    text,
    outputTokens,
    firstTokenMs: Math.round(firstTokenMs),
  }
}
