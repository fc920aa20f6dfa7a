import { HanseError } from '../errors.ts'
import { type PicoEuro, picoEuro } from '../money.ts'
import { priceTokens, type Receipt, receiptSigners } from '../receipt/receipt.ts'
import type { Named } from '../record/record.ts'
import type { SignedRecord } from '../record/signed.ts'
import {
  type ConsumerAction,
  type ConsumerEvent,
  type ConsumerState,
  consumerStep,
  openConsumerSession,
} from '../session/consumer.ts'
import {
  type ConsumerFrame,
  decodeConsumerFrame,
  decodeProviderFrame,
  encodeFrame,
  type ProviderFrame,
} from '../session/frames.ts'
import type { Tokenizer } from '../session/plausibility.ts'
import {
  type OrderReceived,
  openProviderSession,
  type ProviderAction,
  type ProviderEvent,
  type ProviderState,
  providerStep,
} from '../session/provider.ts'
import type { FinalReason } from '../session/reasons.ts'
import type { Order } from '../session/records.ts'
import { reviewInput } from '../session/review.ts'
import type { Prices, Round } from '../session/rounds.ts'
import { utf8 } from '../wire.ts'
import {
  consumerContext,
  makeAuthorization,
  makeOrder,
  NOW,
  PROMPT,
  providerContext,
  SECRET,
} from './fixtures.ts'

/** What an engine does: chunks of so many tokens, then its end. */
export interface EngineScript {
  readonly chunks: readonly number[]
  readonly end?: FinalReason
  /** Whether the input is told before the first chunk, only at the end, or never. */
  readonly input?: 'first' | 'last' | 'never'
  readonly cached?: bigint
  readonly payload?: (i: number, tokens: number) => Uint8Array
}

export interface SessionOptions {
  readonly order?: Partial<Order>
  readonly inputTokens?: bigint
  readonly engine?: EngineScript
  readonly prompt?: Uint8Array
  readonly remaining?: PicoEuro | undefined
  /** The provider remembers that this payer has left a window unpaid. */
  readonly prepaid?: boolean
  /** The provider's decision, instead of accepting. */
  readonly reject?: HanseError
  /** What the provider asks for in answer to an order; accepts when `undefined`. */
  readonly ask?: (order: Order) => Prices | undefined
  /** What the consumer changes to answer a quote; declines when `undefined`. */
  readonly bid?: (round: Round) => Partial<Order> | undefined
  readonly tokenizer?: Tokenizer
  /** Chooses among `n` things that can happen next; the first one when absent. */
  readonly choose?: (n: number) => number
  /** Cuts the link once this many frames have arrived. */
  readonly cutAfter?: number
  /** What arrives in place of a frame; for liars. */
  readonly toConsumer?: (frame: ProviderFrame) => readonly (ProviderFrame | Uint8Array)[]
  readonly toProvider?: (frame: ConsumerFrame) => readonly (ConsumerFrame | Uint8Array)[]
  /** Called before every step with the number of frames that have arrived. */
  readonly onStep?: (session: SessionDriver) => void
}

interface Side {
  readonly inbox: (Uint8Array | 'closed')[]
  readonly timers: Map<string, number>
  readonly receipts: (Named<Receipt> & SignedRecord)[]
  ended:
    | {
        reason: FinalReason
        error: HanseError | undefined
        /** Sent and not countersigned; the provider's alone. */
        unpaid: PicoEuro | undefined
      }
    | undefined
}

const newSide = (): Side => ({
  inbox: [],
  timers: new Map(),
  receipts: [],
  ended: undefined,
})

/** Both machines of a session, joined by queues of encoded frames in virtual time. It asserts what must always hold. */
export class SessionDriver {
  readonly consumer: Side = newSide()
  readonly provider: Side = newSide()
  /** The last one sent. */
  order: Named<Order> & SignedRecord
  readonly delivered: Uint8Array[] = []
  readonly log: string[] = []
  consumerState: ConsumerState
  providerState: ProviderState
  engine: 'idle' | 'running' | 'paused' | 'stopped' = 'idle'
  accepted = false
  pauses = 0
  frames = 0
  now = NOW
  #chunk = 0
  #cut = false
  readonly #options: SessionOptions
  readonly #engine: EngineScript

  constructor(options: SessionOptions = {}) {
    this.#options = options
    this.#engine = options.engine ?? { chunks: Array.from({ length: 100 }, () => 1) }
    this.order = makeOrder(options.order)
    const opened = openConsumerSession({
      order: this.order,
      authorization: makeAuthorization(),
      remaining: 'remaining' in options ? options.remaining : makeAuthorization().value.limit,
      secret: SECRET,
      prompt: options.prompt ?? PROMPT,
      ...(options.tokenizer === undefined ? {} : { tokenizer: options.tokenizer }),
    })
    const listening = openProviderSession()
    this.consumerState = opened.state
    this.providerState = listening.state
    this.#runProvider(listening.actions)
    this.#runConsumer(opened.actions)
  }

  /** Runs until both sides have ended. @throws when that never comes */
  run(): this {
    for (let steps = 0; !this.step(); steps++) {
      if (steps > 200_000) throw new Error('livelock')
    }
    return this
  }

  /** One thing that can happen happens. True once both sides have ended. */
  step(): boolean {
    if (this.consumer.ended && this.provider.ended) return true
    this.#options.onStep?.(this)
    if (!this.#cut && this.frames >= (this.#options.cutAfter ?? Number.POSITIVE_INFINITY)) {
      this.#cut = true
      for (const side of [this.consumer, this.provider]) side.inbox.splice(0, Infinity, 'closed')
    }
    const possible: (() => void)[] = []
    if (this.provider.inbox.length > 0) possible.push(() => this.#arriveAtProvider())
    if (this.consumer.inbox.length > 0) possible.push(() => this.#arriveAtConsumer())
    if (this.engine === 'running') possible.push(() => this.#runEngine())
    if (possible.length === 0) this.#nextTimer()
    else possible[this.#options.choose?.(possible.length) ?? 0]?.()
    this.#assertInvariants()
    return false
  }

  toConsumer(event: ConsumerEvent): void {
    const step = consumerStep(consumerContext, this.consumerState, event)
    this.consumerState = step.state
    this.#runConsumer(step.actions)
  }

  toProvider(event: ProviderEvent): void {
    const step = providerStep(providerContext, this.providerState, event)
    this.providerState = step.state
    this.#runProvider(step.actions)
  }

  cancel(): void {
    this.toConsumer({ type: 'cancel', now: this.now })
  }

  #arriveAtProvider(): void {
    const bytes = this.provider.inbox.shift()
    if (this.provider.ended || bytes === undefined) return
    const { now } = this
    if (bytes === 'closed') {
      this.toProvider({ type: 'closed', now })
      return
    }
    this.frames++
    let frame: ConsumerFrame
    try {
      frame = decodeConsumerFrame(bytes)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.toProvider({ type: 'malformed', error, now })
      return
    }
    this.log.push(`> ${frame.t}`)
    this.toProvider({ type: 'frame', frame, now })
  }

  #arriveAtConsumer(): void {
    const bytes = this.consumer.inbox.shift()
    if (this.consumer.ended || bytes === undefined) return
    const { now } = this
    if (bytes === 'closed') {
      this.toConsumer({ type: 'closed', now })
      return
    }
    this.frames++
    let frame: ProviderFrame
    try {
      frame = decodeProviderFrame(bytes)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.toConsumer({ type: 'malformed', error, now })
      return
    }
    this.log.push(`< ${frame.t}`)
    this.toConsumer({ type: 'frame', frame, now })
  }

  #runEngine(): void {
    const {
      chunks,
      end = 'completed',
      input = 'last',
      cached = 0n,
      payload = chunkOf,
    } = this.#engine
    const inputTokens = this.#options.inputTokens ?? 10n
    const { now } = this
    this.now += 10
    if (this.#chunk === 0 && input === 'first') this.toProvider({ type: 'input', inputTokens, now })
    const tokens = chunks[this.#chunk]
    if (tokens === undefined) {
      this.engine = 'stopped'
      const usage = input === 'never' ? {} : { usage: { inputTokens, cachedInputTokens: cached } }
      this.toProvider({ type: 'engine-ended', reason: end, ...usage, now })
      return
    }
    const deltas = [{ tokens, payload: payload(this.#chunk, tokens) }]
    this.#chunk++
    this.toProvider({ type: 'deltas', deltas, now })
  }

  #nextTimer(): void {
    const timers = [this.consumer, this.provider].flatMap((side) =>
      side.ended ? [] : [...side.timers].map(([timer, at]) => ({ side, timer, at })),
    )
    const next = timers.toSorted((a, b) => a.at - b.at)[0]
    if (next === undefined) throw new Error(`deadlock: ${this.log.slice(-6).join(', ')}`)
    this.now = Math.max(this.now, next.at)
    next.side.timers.delete(next.timer)
    const event = { type: 'timer', timer: next.timer, now: this.now }
    if (next.side === this.consumer) this.toConsumer(event as ConsumerEvent)
    else this.toProvider(event as ProviderEvent)
  }

  #runConsumer(actions: readonly ConsumerAction[]): void {
    const { consumer: side, now } = this
    for (const action of actions) {
      switch (action.type) {
        case 'send':
          this.#post(this.provider, this.#options.toProvider?.(action.frame) ?? [action.frame])
          break
        case 'decide-quote':
          this.#decide(action.round)
          break
        case 'accepted':
          this.accepted = true
          break
        case 'deliver':
          this.delivered.push(...action.payloads)
          break
        case 'save-receipt':
          side.receipts.push(action.receipt)
          break
        case 'set-timer':
          side.timers.set(action.timer, now + action.ms)
          break
        case 'end':
          this.#end(side, this.provider, action)
          break
      }
    }
  }

  #runProvider(actions: readonly ProviderAction[]): void {
    const { provider: side, now } = this
    for (const action of actions) {
      switch (action.type) {
        case 'review':
          this.#review(action.ordered)
          break
        case 'start-engine':
        case 'resume-engine':
          this.engine = 'running'
          break
        case 'pause-engine':
          this.engine = 'paused'
          this.pauses++
          break
        case 'stop-engine':
          this.engine = 'stopped'
          break
        case 'send':
          this.#post(this.consumer, this.#options.toConsumer?.(action.frame) ?? [action.frame])
          break
        case 'save-receipt':
          side.receipts.push(action.receipt)
          break
        case 'set-timer':
          side.timers.set(action.timer, now + action.ms)
          break
        case 'clear-timer':
          side.timers.delete(action.timer)
          break
        case 'end':
          this.#end(side, this.consumer, action)
          break
      }
    }
  }

  #decide(round: Round): void {
    const { now } = this
    const changes = this.#options.bid?.(round)
    if (changes === undefined) {
      this.toConsumer({ type: 'decline', now })
      return
    }
    const nonce = new Uint8Array(16).fill(100 + round.quote.value.round)
    this.order = makeOrder({ ...round.order.value, quote: round.quote.cid, nonce, ...changes })
    const remaining = makeAuthorization().value.limit
    const bid = { order: this.order, authorization: makeAuthorization(), remaining }
    this.toConsumer({ type: 'reorder', bid, now })
  }

  #review(ordered: OrderReceived): void {
    const { now } = this
    const { reject, ask, inputTokens = 10n, prepaid = false } = this.#options
    const prices = ask?.(ordered.order.value)
    if (prices !== undefined) {
      this.toProvider({ type: 'quoted', prices, now })
      return
    }
    try {
      if (reject !== undefined) throw reject
      reviewInput(ordered.order.value, inputTokens)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.toProvider({ type: 'rejected', error, now })
      return
    }
    this.toProvider({ type: 'accepted', inputTokens, determinism: null, prepaid, now })
  }

  #post(to: Side, frames: readonly (ConsumerFrame | ProviderFrame | Uint8Array)[]): void {
    if (this.#cut) return
    for (const frame of frames) {
      to.inbox.push(frame instanceof Uint8Array ? frame : encodeFrame(frame))
    }
  }

  #end(
    side: Side,
    other: Side,
    { reason, error, unpaid }: { reason: FinalReason; error?: HanseError; unpaid?: PicoEuro },
  ): void {
    if (side.ended) throw new Error('ended twice')
    side.ended = { reason, error, unpaid }
    if (!this.#cut) other.inbox.push('closed')
  }

  #assertInvariants(): void {
    const { creditWindow, maxOutputTokens } = this.order.value
    const state = this.providerState
    if (state.phase === 'streaming' || state.phase === 'settling') {
      const open = priceTokens(this.order.value, state) - state.countersigned
      if (open > creditWindow) throw new Error(`${open} open, the window is ${creditWindow}`)
      if (state.window > creditWindow) throw new Error('the window grew beyond its cap')
      if (state.outputTokens > maxOutputTokens) throw new Error('more than ordered')
    }
    const ahead = this.consumer.receipts.length - this.provider.receipts.length
    if (ahead < 0 || ahead > 1) throw new Error(`the consumer is ${ahead} receipts ahead`)
  }
}

/** An engine's chunk that shows so many bytes of text. */
export const chunkOf = (i: number, tokens: number): Uint8Array =>
  utf8(JSON.stringify({ i, choices: [{ index: 0, delta: { content: 'x'.repeat(tokens) } }] }))

/** What must hold of the receipts of any honest consumer. @returns the last one's amount */
export function assertReceipts(session: SessionDriver): PicoEuro {
  let before: (Named<Receipt> & SignedRecord) | undefined
  for (const signed of session.consumer.receipts) {
    const { value } = signed
    const { order } = session
    if (value.amount !== priceTokens(order.value, value)) throw new Error('not tokens times price')
    const increase = value.amount - (before?.value.amount ?? 0n)
    if (increase > order.value.creditWindow) throw new Error('more than a window at once')
    if (value.sequence !== (before === undefined ? 0n : before.value.sequence + 1n)) {
      throw new Error('a gap in the receipts')
    }
    const signers = receiptSigners(order.value.consumer, order.value.provider)()
    if (signers.some(({ signer }) => !signed.signatures.some((s) => s.signer === signer))) {
      throw new Error('a signature is missing')
    }
    before = signed
  }
  for (const [i, { cid }] of session.provider.receipts.entries()) {
    if (session.consumer.receipts[i]?.cid.equals(cid) !== true) throw new Error('other receipts')
  }
  return before?.value.amount ?? picoEuro(0n)
}
