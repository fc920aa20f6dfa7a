import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebhookFate } from './faults.ts'
import type { Delivery, State } from './state.ts'

export interface WebhookTarget {
  readonly url: string
  readonly secret: string
}

export interface WebhookSenderOptions {
  readonly state: State
  readonly targets: readonly WebhookTarget[]
  readonly nowMs: () => number
  readonly newId: (prefix: string) => string
  /** Called after each change of the state. */
  readonly changed: () => Promise<void>
  readonly fetch: typeof fetch
  readonly mode: 'auto' | 'manual'
  /** What goes wrong with the next delivery. */
  readonly fate: () => WebhookFate
}

export interface QueuedEvent {
  readonly id: string
  readonly type: string
  /** The connected account it is about. */
  readonly account?: string | undefined
}

/** Milliseconds before each attempt. Stripe tries a sandbox three times over hours; this is for a desk. */
const backOffMs = [0, 250, 1_000, 4_000, 15_000] as const
// Stripe waits up to 20 s for an answer; on loopback a receiver that takes 10 s has hung.
const answerTimeoutMs = 10_000
// A receiver that stays down: the oldest are given up first.
const queueMax = 10_000
const parallelMax = 8
/** About how far apart the numbers of two events are: objects and deliveries are numbered too. */
const sequencesApart = 4

/** `t=…,v1=…`: HMAC-SHA256 of `t.payload`, as Stripe signs. */
export function signatureHeader(payload: string, secret: string, nowMs: number): string {
  const timestamp = Math.floor(nowMs / 1_000)
  const signature = createHmac('sha256', secret).update(`${timestamp}.${payload}`).digest('hex')
  return `t=${timestamp},v1=${signature}`
}

export class WebhookSender implements AsyncDisposable {
  readonly #options: WebhookSenderOptions
  readonly #closing = new AbortController()
  readonly #sending = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  /** How often each event is delivered; 2 makes every event arrive twice. */
  copies = 1

  constructor(options: WebhookSenderOptions) {
    this.#options = options
  }

  /** Queues an event for every target that wants it; how many that is. */
  enqueue(event: QueuedEvent, payload: string): number {
    const { state, newId, nowMs } = this.#options
    const urls = this.#targetsFor(event).map(({ url }) => url)
    for (const url of urls) {
      const { lost, twice, behind = 0, delayMs = 0, staleMs = 0 } = this.#options.fate()
      if (lost === true) continue
      for (let copy = 0; copy < this.copies + (twice === true ? 1 : 0); copy += 1) {
        const id = newId('whd')
        const order = state.sequence + behind * sequencesApart
        const notBeforeMs = nowMs() + delayMs
        const delivery = {
          id,
          event: event.id,
          url,
          payload,
          order,
          notBeforeMs,
          staleMs,
          attempts: 0,
        }
        state.deliveries.set(id, delivery)
      }
    }
    for (const id of state.deliveries.keys()) {
      if (state.deliveries.size <= queueMax) break
      state.deliveries.delete(id)
    }
    return urls.length
  }

  /** In automatic mode, begins to send what is queued. */
  wake(): void {
    if (this.#options.mode !== 'auto' || this.#closing.signal.aborted) return
    // What is being sent wakes again when it ends.
    if (this.#sending.size >= parallelMax) return
    for (const delivery of this.#ready()) {
      if (this.#sending.size >= parallelMax) return
      if (!this.#sending.has(delivery.id)) this.#run(this.#sendWithRetries(delivery))
    }
  }

  /** Tries once everything that is queued, without waiting for back-off. */
  async deliverAll(): Promise<{ delivered: number; failed: number }> {
    let delivered = 0
    let failed = 0
    for (const delivery of this.#ready()) {
      if (this.#sending.has(delivery.id)) continue
      if (await this.#attempt(delivery)) delivered += 1
      else failed += 1
    }
    await this.#options.changed()
    return { delivered, failed }
  }

  /** Stops sending. What was not delivered stays in the state. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#running)
  }

  /** When the next delivery that waits for the clock is ready. */
  nextReadyMs(): number | undefined {
    let next: number | undefined
    for (const { notBeforeMs } of this.#options.state.deliveries.values()) {
      if (notBeforeMs <= this.#options.nowMs()) continue
      if (next === undefined || notBeforeMs < next) next = notBeforeMs
    }
    return next
  }

  #ready(): Delivery[] {
    const { state, nowMs } = this.#options
    return [...state.deliveries.values()]
      .filter(({ notBeforeMs }) => notBeforeMs <= nowMs())
      .sort((a, b) => a.order - b.order)
  }

  #targetsFor({ type, account }: QueuedEvent): WebhookTarget[] {
    const { targets, state } = this.#options
    const created = [...state.webhookEndpoints.values()]
      .filter(({ connect }) => connect === (account !== undefined))
      .filter(({ endpoint }) => ['*', type].some((name) => endpoint.enabled_events.includes(name)))
      .map(({ endpoint, secret }) => ({ url: endpoint.url, secret }))
    return [...targets, ...created]
  }

  #secretOf(url: string): string | undefined {
    const { targets, state } = this.#options
    const created = [...state.webhookEndpoints.values()].find((it) => it.endpoint.url === url)
    return targets.find((target) => target.url === url)?.secret ?? created?.secret
  }

  #run(task: Promise<void>): void {
    this.#running.add(task)
    void task.finally(() => {
      this.#running.delete(task)
      this.wake()
    })
  }

  async #sendWithRetries(delivery: Delivery): Promise<void> {
    this.#sending.add(delivery.id)
    try {
      while (this.#options.state.deliveries.has(delivery.id)) {
        const waitMs = backOffMs[delivery.attempts] ?? 0
        await delay(waitMs, undefined, { signal: this.#closing.signal, ref: false })
        await this.#attempt(delivery)
        await this.#options.changed()
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error
    } finally {
      this.#sending.delete(delivery.id)
    }
  }

  async #attempt(delivery: Delivery): Promise<boolean> {
    const { state } = this.#options
    const delivered = await this.#post(delivery)
    if (this.#closing.signal.aborted && !delivered) return false
    delivery.attempts += 1
    if (delivered || delivery.attempts >= backOffMs.length) state.deliveries.delete(delivery.id)
    return delivered
  }

  async #post({ url, payload, staleMs, attempts }: Delivery): Promise<boolean> {
    const secret = this.#secretOf(url)
    // The receiver was configured away since the event was queued.
    if (secret === undefined) return false
    const signedMs = this.#options.nowMs() - (attempts === 0 ? staleMs : 0)
    try {
      const response = await this.#options.fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'stripe-signature': signatureHeader(payload, secret, signedMs),
          'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        },
        body: payload,
        redirect: 'manual',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(answerTimeoutMs)]),
      })
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }
}
