import { randomBytes } from 'node:crypto'
import Stripe from 'stripe'
import { dueAt, nextDueMs } from './agenda.ts'
import { nextDayMs } from './calendar.ts'
import type { WebhookFate } from './faults.ts'
import { happen } from './happenings.ts'
import type { Context } from './operation.ts'
import { type StripePrices, stripePrices } from './prices.ts'
import { type DueKind, platform, type State, type ThinEvent } from './state.ts'
import { StateFile } from './state-file.ts'
import { WebhookSender, type WebhookTarget } from './webhook-sender.ts'

export interface WorldOptions {
  /** Milliseconds since the epoch; `advance` adds to it. */
  readonly now: () => number
  /** The random part of an id. `sequence` is kept with the state and never repeats. */
  readonly randomId?: (sequence: number) => string
  /** Where the state is kept; without it, it is gone at the end. */
  readonly statePath?: string
  readonly webhooks?: readonly WebhookTarget[]
  /** `manual` sends only in `deliverWebhooks`, and lets nothing happen between calls. */
  readonly delivery?: 'auto' | 'manual'
  readonly fetch?: typeof fetch
  /** What Stripe keeps of each payment and dispute; its EEA prices when absent. */
  readonly prices?: Partial<StripePrices>
}

/** How often the clock is looked at when nobody asks: renewals need no finer time. */
const tickMsMax = 60_000

/** The state of the double, its clock, and all that changes them; nothing here knows of HTTP requests. */
export class World implements AsyncDisposable {
  readonly state: State
  readonly webhooks: WebhookSender
  /** Where the double's own pages are. */
  baseUrl = ''
  readonly #options: WorldOptions
  readonly #file: StateFile
  #timer: NodeJS.Timeout | undefined
  /** The earliest of what was put on the agenda during a round. */
  #soonestMs = Number.POSITIVE_INFINITY

  constructor(options: WorldOptions, state: State, webhookFate: () => WebhookFate) {
    this.#options = options
    this.state = state
    this.#file = new StateFile(state, options.statePath)
    this.webhooks = new WebhookSender({
      state,
      targets: options.webhooks ?? [],
      nowMs: () => this.nowMs(),
      newId: (prefix) => this.newId(prefix),
      changed: () => this.#file.save(),
      fetch: options.fetch ?? fetch,
      mode: options.delivery ?? 'auto',
      fate: webhookFate,
    })
  }

  /** Begins the double's days, once for a new state. */
  start(): void {
    const known = [...this.state.agenda.values()].some(({ kind }) => kind === 'day-begins')
    if (!known) this.#later('day-begins', platform, nextDayMs(this.nowMs()))
    this.catchUp()
  }

  nowMs(): number {
    return this.#options.now() + this.state.clockOffsetMs
  }

  newId(prefix: string): string {
    this.state.sequence += 1
    const random = this.#options.randomId?.(this.state.sequence) ?? randomBytes(12).toString('hex')
    return `${prefix}_${random}`
  }

  /** Keeps the changes before anybody hears of them. */
  async commit(): Promise<void> {
    await this.#file.save()
    this.webhooks.wake()
    this.#arm()
  }

  /** Moves the clock; what was due on the way happens at its own time. */
  async advance(ms: number): Promise<void> {
    if (!Number.isSafeInteger(ms) || ms < 0) throw new RangeError(`advance: ${ms}`)
    this.state.clockOffsetMs += ms
    this.catchUp()
    await this.commit()
  }

  /** Lets everything happen that is due by now. */
  catchUp(): void {
    const nowMs = this.nowMs()
    // One thing may make another due: in rounds, until nothing is left.
    for (let round = dueAt(this.state, nowMs); round.length > 0; round = dueAt(this.state, nowMs)) {
      for (const due of round) {
        if (this.#soonestMs < due.atMs) break
        this.state.agenda.delete(due.id)
        happen(this.context({ nowMs: due.atMs }), due)
      }
      this.#soonestMs = Number.POSITIVE_INFINITY
    }
  }

  context(
    given: {
      readonly ids?: readonly string[]
      readonly account?: string
      readonly key?: string | undefined
      readonly nowMs?: number
    } = {},
  ): Context {
    const { ids = [], account = platform, key, nowMs = this.nowMs() } = given
    const nowS = Math.floor(nowMs / 1_000)
    return {
      state: this.state,
      ids,
      account,
      nowMs,
      nowS,
      baseUrl: this.baseUrl,
      prices: { ...stripePrices, ...this.#options.prices },
      newId: (prefix) => this.newId(prefix),
      later: (kind, subject, atMs) => this.#later(kind, subject, atMs),
      emit: (type, object, about = account) => this.#emit(type, object, about, nowS, key),
      emitThin: (type, about, data) => this.#emitThin(type, about, nowMs, data),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    await this.webhooks[Symbol.asyncDispose]()
    await this.#file.save()
  }

  #later(kind: DueKind, subject: string, atMs: number): void {
    this.#soonestMs = Math.min(this.#soonestMs, atMs)
    const id = this.newId('due')
    this.state.agenda.set(id, { id, atMs, kind, subject })
  }

  /** In automatic mode time passes also when nobody asks. */
  #arm(): void {
    if ((this.#options.delivery ?? 'auto') !== 'auto') return
    clearTimeout(this.#timer)
    const times = [nextDueMs(this.state), this.webhooks.nextReadyMs()]
    const nextMs = Math.min(...times.filter((time) => time !== undefined))
    if (nextMs === Number.POSITIVE_INFINITY) return
    const waitMs = Math.min(Math.max(nextMs - this.nowMs(), 0), tickMsMax)
    this.#timer = setTimeout(() => {
      this.catchUp()
      // A state that could not be written is told to the next caller.
      this.commit().catch(() => undefined)
    }, waitMs).unref()
  }

  #emit(
    type: string,
    object: object,
    account: string,
    nowS: number,
    key: string | undefined,
  ): void {
    const event = {
      id: this.newId('evt'),
      object: 'event',
      ...(account !== platform && { account }),
      api_version: Stripe.API_VERSION,
      created: nowS,
      data: { object: structuredClone(object) },
      livemode: false,
      pending_webhooks: 0,
      request: { id: null, idempotency_key: key ?? null },
      type,
    }
    event.pending_webhooks = this.webhooks.enqueue(event, JSON.stringify(event))
    // The library types an event by its name; the double makes them from the name.
    this.state.events.set(event.id, event as unknown as Stripe.Event)
  }

  #emitThin(type: string, about: string, nowMs: number, data?: Record<string, unknown>): void {
    const event: ThinEvent = {
      id: this.newId('evt'),
      object: 'v2.core.event',
      type,
      created: new Date(nowMs).toISOString(),
      livemode: false,
      related_object: { id: about, type: 'v2.core.account', url: `/v2/core/accounts/${about}` },
      ...(data !== undefined && { data }),
    }
    this.state.thinEvents.set(event.id, event)
    this.webhooks.enqueue(event, JSON.stringify(notificationOf(event)))
  }
}

/** What a webhook carries of a v2 event: its data must be fetched. */
export function notificationOf(event: ThinEvent): object {
  const { data, ...notification } = event
  return data === undefined ? event : notification
}
