import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from './random.ts'

/** How one request of the honest load ended. */
export interface Ask {
  /** Since the load began. */
  readonly atSeconds: number
  readonly model: string
  /** `served`, `left` for a client that went away on purpose, or the code of the fault. */
  readonly outcome: string
  readonly firstTokenMs: number | undefined
  /** Something was broken on purpose while it ran. */
  readonly disturbed: boolean
}

export interface LoadOptions {
  readonly gatewayUrl: string
  readonly model: string
  readonly perSecond: number
  readonly tokens: number
  readonly random: Random
  readonly isDisturbed: () => boolean
  readonly startedAt: number
}

/** Asked at once at most; what would go beyond is counted and not asked, so that the load stays bounded. */
const RUNNING_MAX = 32
const LEAVE_SHARE = 0.1
const WHOLE_SHARE = 0.2
/** The gateway’s own deadline is 8 s. */
const GIVE_UP_MS = 20_000

/** Clients of the gateway that behave, at a steady rate. */
export class HonestLoad {
  readonly asks: Ask[] = []
  skipped = 0
  readonly #options: LoadOptions
  readonly #running = new Set<Promise<void>>()

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Asks until the signal, then waits for what was asked. */
  async run(signal: AbortSignal): Promise<void> {
    const { perSecond } = this.#options
    const started = performance.now()
    for (let n = 1; !signal.aborted; n++) {
      const wait = started + (n * 1000) / perSecond - performance.now()
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => {})
      if (signal.aborted) break
      if (this.#running.size >= RUNNING_MAX) {
        this.skipped++
        continue
      }
      const ask = this.#ask().finally(() => this.#running.delete(ask))
      this.#running.add(ask)
    }
    await Promise.all(this.#running)
  }

  async #ask(): Promise<void> {
    const { model, random, isDisturbed, startedAt } = this.#options
    const began = performance.now()
    const wasDisturbed = isDisturbed()
    const choice = random()
    const leaves = choice < LEAVE_SHARE
    const stream = leaves || choice > LEAVE_SHARE + WHOLE_SHARE
    const { outcome, firstTokenMs } = await this.#answer(stream, leaves)
    this.asks.push({
      atSeconds: (began - startedAt) / 1000,
      model,
      outcome,
      firstTokenMs,
      disturbed: wasDisturbed || isDisturbed(),
    })
  }

  async #answer(stream: boolean, leaves: boolean): Promise<Pick<Ask, 'outcome' | 'firstTokenMs'>> {
    const { gatewayUrl, model, tokens } = this.#options
    const client = new AbortController()
    const began = performance.now()
    let firstTokenMs: number | undefined
    let text = ''
    try {
      const response = await fetch(`${gatewayUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        signal: AbortSignal.any([client.signal, AbortSignal.timeout(GIVE_UP_MS)]),
        body: JSON.stringify({
          model,
          stream,
          max_tokens: tokens,
          messages: [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }],
        }),
      })
      const decoder = new TextDecoder()
      for await (const bytes of response.body ?? []) {
        text += decoder.decode(bytes, { stream: true })
        if (firstTokenMs !== undefined || !stream || !/"content":"[^"]/u.test(text)) continue
        firstTokenMs = performance.now() - began
        if (leaves) client.abort()
      }
    } catch (error) {
      if (client.signal.aborted) return { outcome: 'left', firstTokenMs }
      const name = error instanceof Error ? error.name : 'unknown'
      return { outcome: name === 'TimeoutError' ? 'no answer' : 'connection lost', firstTokenMs }
    }
    return { outcome: outcomeOf(text, stream), firstTokenMs }
  }
}

function outcomeOf(text: string, stream: boolean): string {
  const code = /"code":"(HANSE_\w+)"/u.exec(text)?.[1]
  if (code !== undefined) return code
  const whole = stream ? text.endsWith('data: [DONE]\n\n') : /"finish_reason":"/u.test(text)
  return whole ? 'served' : 'broken off'
}
