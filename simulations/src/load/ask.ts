import { TOKENS } from './plan.ts'

/** How one session went for its client. */
export interface Ask {
  /** `served`, the code of a fault, or how it broke. */
  readonly outcome: string
  readonly firstTokenMs: number | undefined
  readonly wholeMs: number
}

/** Beyond the gateway's own deadline. */
const GIVE_UP_MS = 45_000
const TOKEN = /"content":"[^"]/u

/** Streams one answer from a gateway; never rejects. */
export async function askOnce(gatewayUrl: string, model: string): Promise<Ask> {
  const began = performance.now()
  let firstTokenMs: number | undefined
  let text = ''
  try {
    const response = await fetch(`${gatewayUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(GIVE_UP_MS),
      body: JSON.stringify({
        model,
        stream: true,
        max_tokens: TOKENS,
        messages: [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }],
      }),
    })
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true })
      if (firstTokenMs === undefined && TOKEN.test(text)) firstTokenMs = performance.now() - began
    }
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError'
    const outcome = timedOut ? 'no answer' : 'connection lost'
    return { outcome, firstTokenMs, wholeMs: performance.now() - began }
  }
  return { outcome: outcomeOf(text), firstTokenMs, wholeMs: performance.now() - began }
}

export function outcomeOf(text: string): string {
  const code = /"code":"(HANSE_\w+)"/u.exec(text)?.[1]
  if (code !== undefined) return code
  return text.endsWith('data: [DONE]\n\n') ? 'served' : 'broken off'
}
