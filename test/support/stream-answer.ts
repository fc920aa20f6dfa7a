import { pathToFileURL } from 'node:url'
import { createParser } from 'eventsource-parser'

export interface Streamed {
  readonly status: number
  readonly tokens: number
  /** Of the answer as the gateway sends it. */
  readonly bytes: number
  readonly ms: number
  /** The gateway ended the stream as a whole one. */
  readonly whole: boolean
  readonly provider: string | null
}

/** Streams one answer from a gateway to its end, or to where it breaks. Waits for the model to appear. */
export async function streamAnswer(
  gatewayUrl: string,
  model: string,
  maxTokens: number,
): Promise<Streamed> {
  const started = performance.now()
  const response = await firstAnswer(gatewayUrl, model, maxTokens)
  const counts = { tokens: 0, bytes: 0, whole: false }
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') counts.whole = true
      else if (/"content":"[^"]/u.test(data)) counts.tokens++
    },
  })
  const text = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) {
      counts.bytes += chunk.byteLength
      parser.feed(text.decode(chunk, { stream: true }))
    }
  } catch {
    counts.whole = false
  }
  return {
    ...counts,
    status: response.status,
    ms: Math.round(performance.now() - started),
    provider: response.headers.get('x-hanse-provider'),
  }
}

/** An offer takes a moment to be found. */
const TRIES = 60

async function firstAnswer(gatewayUrl: string, model: string, maxTokens: number) {
  const ask = async (): Promise<Response> =>
    await fetch(`${gatewayUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        messages: [{ role: 'user', content: 'tell me a long story' }],
        max_tokens: maxTokens,
        stream: true,
      }),
    })
  let response = await ask()
  for (let tries = 1; response.status >= 400 && tries < TRIES; tries++) {
    await response.arrayBuffer()
    await new Promise((resolve) => setTimeout(resolve, 500))
    response = await ask()
  }
  return response
}

const [, script = '', gatewayUrl = '', model = '', maxTokens = '100'] = process.argv
if (import.meta.url === pathToFileURL(script).href) {
  const streamed = await streamAnswer(gatewayUrl, model, Number(maxTokens))
  console.log(JSON.stringify({ event: 'done', ...streamed }))
}
