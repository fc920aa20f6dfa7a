import {
  type Bid,
  type ConsumerAction,
  type ConsumerContext,
  type ConsumerEvent,
  type ConsumerFrame,
  type ConsumerState,
  type ConsumerTimer,
  consumerStep,
  decodeProviderFrame,
  type ErrorCode,
  encodeFrame,
  type FinalReason,
  HanseError,
  isAnswered,
  openConsumerSession,
  type ProviderFrame,
  type Purchase,
  type Round,
  type SignedRecord,
} from '@hanse/protocol'
import type { Host, Scheduled, StreamEnd } from '../kernel/index.ts'
import type { ConsumerAccount } from './consumer-account.ts'
import type { Monitor } from './monitor.ts'
import type { ConsumerPlan } from './scenario.ts'
import type { SessionStore } from './session-store.ts'

export interface ConsumerSessionOptions {
  readonly host: Host
  readonly plan: ConsumerPlan
  readonly context: ConsumerContext
  readonly store: SessionStore
  readonly monitor: Monitor
  /** What came with the offer, for settlement. */
  readonly attestation: SignedRecord | null
  /** Answers a quote: with the next order, with why there is none, or by leaving it. */
  readonly decide: (round: Round, done: (bid: Bid | ErrorCode | undefined) => void) => void
  /** What leaves in place of a frame. */
  readonly tamper: (frame: ConsumerFrame) => readonly (ConsumerFrame | Uint8Array)[]
  readonly onEnd: (error: HanseError | undefined) => void
}

/** Runs the consumer's machine over a stream, in the order of node's driver. */
export class ConsumerSession {
  session: string
  readonly #end: StreamEnd
  readonly #options: ConsumerSessionOptions
  readonly #timers = new Map<ConsumerTimer, Scheduled>()
  #account: ConsumerAccount | undefined
  #purchase: Purchase
  #state: ConsumerState

  constructor(end: StreamEnd, purchase: Purchase, options: ConsumerSessionOptions) {
    this.session = purchase.order.cid.toString()
    this.#end = end
    this.#options = options
    this.#purchase = purchase
    const { monitor, plan } = options
    if (plan.cheat === undefined) {
      this.#account = monitor.buys(purchase)
      monitor.opened(options.host, this)
    }
    end.onFrame = (bytes) => this.#onFrame(bytes)
    end.onClosed = () => this.#dispatch({ type: 'closed', now: this.#now() })
    const { state, actions } = openConsumerSession(purchase)
    this.#state = state
    this.#perform(actions)
  }

  cancel(): void {
    this.#dispatch({ type: 'cancel', now: this.#now() })
  }

  #now(): number {
    return this.#options.host.now()
  }

  #onFrame(bytes: Uint8Array): void {
    let frame: ProviderFrame
    try {
      frame = decodeProviderFrame(bytes)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.#dispatch({ type: 'malformed', error, now: this.#now() })
      return
    }
    this.#options.host.log(`< ${frame.t}`)
    this.#dispatch({ type: 'frame', frame, now: this.#now() })
  }

  #dispatch(event: ConsumerEvent): void {
    if (this.#state.phase === 'ended') return
    const { state, actions } = consumerStep(this.#options.context, this.#state, event)
    this.#state = state
    this.#perform(actions)
  }

  #perform(actions: readonly ConsumerAction[]): void {
    for (const action of actions) {
      this.#options.host.point()
      this.#do(action)
    }
  }

  #do(action: ConsumerAction): void {
    const { store, monitor } = this.#options
    const account = this.#account
    switch (action.type) {
      case 'send':
        this.#send(action.frame)
        return
      case 'decide-quote':
        this.#decide(action.round)
        return
      case 'accepted':
        store.setAcceptance(this.session, action.acceptance)
        account?.accepted(action.acceptance)
        return
      case 'deliver':
        account?.received(action.tokens, action.payloads)
        return
      case 'save-receipt':
        store.saveReceipt(this.session, action.receipt, this.#now())
        if (account !== undefined) monitor.countersigns(account, action.receipt, store)
        return
      case 'set-timer':
        this.#setTimer(action.timer, action.ms)
        return
      case 'end':
        this.#finish(action.reason, action.error)
        return
    }
  }

  #decide(round: Round): void {
    const { host, store, monitor, plan, attestation, decide } = this.#options
    host.after(1, () =>
      decide(round, (bid) => {
        // Cancelled meanwhile, or cut.
        if (this.#state.phase !== 'deciding') return
        if (bid === undefined || typeof bid === 'string') {
          const error = bid === undefined ? {} : { error: new HanseError(bid, 'no authorization') }
          this.#dispatch({ type: 'decline', ...error, now: this.#now() })
          return
        }
        store.endSession(this.session, 'quoted')
        host.point()
        this.session = bid.order.cid.toString()
        store.beginSession(bid.order, bid.authorization, attestation)
        this.#purchase = { ...this.#purchase, ...bid }
        if (plan.cheat === undefined) this.#account = monitor.buys(this.#purchase)
        this.#dispatch({ type: 'reorder', bid, now: this.#now() })
      }),
    )
  }

  #send(frame: ConsumerFrame): void {
    const { monitor, store, tamper } = this.#options
    if (this.#account !== undefined) {
      if (frame.t === 'prompt') monitor.prompts(this.#purchase.order.value, this.#now())
      if (frame.t === 'countersign') monitor.promises(store, this.session, frame.sequence)
    }
    for (const sent of tamper(frame))
      this.#end.send(sent instanceof Uint8Array ? sent : encodeFrame(sent))
  }

  #setTimer(timer: ConsumerTimer, ms: number): void {
    const before = this.#timers.get(timer)
    if (before !== undefined) before.cancelled = true
    const fire = () => this.#dispatch({ type: 'timer', timer, now: this.#now() })
    this.#timers.set(timer, this.#options.host.after(ms, fire))
  }

  #finish(reason: FinalReason, error: HanseError | undefined): void {
    const { host, plan, store, monitor, onEnd } = this.#options
    store.endSession(this.session, reason)
    for (const timer of this.#timers.values()) timer.cancelled = true
    monitor.ended(host, this)
    host.log(`ended: ${reason}${error === undefined ? '' : ` (${error.code} ${error.message})`}`)
    host.kernel.count(`consumer ends: ${reason}`)
    // Who withholds closes nothing either.
    if (plan.cheat !== 'withhold') this.#end.end(isAnswered(reason))
    onEnd(error)
  }
}
