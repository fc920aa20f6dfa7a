import {
  type ConsumerFrame,
  decodeConsumerFrame,
  encodeFrame,
  type FinalReason,
  HanseError,
  isAnswered,
  type OrderReceived,
  openProviderSession,
  type Prices,
  type ProviderAction,
  type ProviderContext,
  type ProviderEvent,
  type ProviderFrame,
  type ProviderState,
  type ProviderTimer,
  providerStep,
} from '@hanse/protocol'
import type { Host, Scheduled, StreamEnd } from '../kernel/index.ts'
import { Engine } from './engine.ts'
import type { Monitor } from './monitor.ts'
import type { ProviderAccount } from './provider-account.ts'
import type { EnginePlan, ProviderPlan } from './scenario.ts'
import type { SessionStore } from './session-store.ts'

export interface Admission {
  readonly inputTokens: bigint
  readonly engine: EnginePlan
  release(): void
}

/** The order is good but for its prices. */
export interface Ask {
  readonly ask: Prices
}

export interface ProviderSessionOptions {
  readonly host: Host
  readonly plan: ProviderPlan
  readonly context: ProviderContext
  readonly store: SessionStore
  readonly monitor: Monitor
  readonly admit: (ordered: OrderReceived, prompt: Uint8Array) => Admission | Ask
  /** What leaves in place of a frame. */
  readonly tamper: (frame: ProviderFrame) => readonly (ProviderFrame | Uint8Array)[]
  /** What a cheat makes of its own state. */
  readonly adjust: (state: ProviderState) => ProviderState
  readonly onEnd: () => void
}

/** Runs the provider's machine over a stream, in the order of node's driver: an action at a time, saving before sending. */
export class ProviderSession {
  state: ProviderState
  readonly #end: StreamEnd
  readonly #options: ProviderSessionOptions
  readonly #timers = new Map<ProviderTimer, Scheduled>()
  #session: string | undefined
  #admission: Admission | undefined
  #account: ProviderAccount | undefined
  #engine: Engine | undefined

  constructor(end: StreamEnd, options: ProviderSessionOptions) {
    this.#end = end
    this.#options = options
    end.onFrame = (bytes) => this.#onFrame(bytes)
    end.onClosed = () => this.#dispatch({ type: 'closed', now: this.#now() })
    const { state, actions } = openProviderSession()
    this.state = state
    if (this.#honest) options.monitor.opened(options.host, this)
    this.#perform(actions)
  }

  get #honest(): boolean {
    return this.#options.plan.cheat === undefined
  }

  #now(): number {
    return this.#options.host.now()
  }

  #onFrame(bytes: Uint8Array): void {
    let frame: ConsumerFrame
    try {
      frame = decodeConsumerFrame(bytes)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.#dispatch({ type: 'malformed', error, now: this.#now() })
      return
    }
    this.#options.host.log(`< ${frame.t}`)
    this.#dispatch({ type: 'frame', frame, now: this.#now() })
  }

  #dispatch(event: ProviderEvent): void {
    if (this.state.phase === 'ended') return
    const { state, actions } = providerStep(this.#options.context, this.state, event)
    this.state = this.#options.adjust(state)
    this.#perform(actions)
  }

  #perform(actions: readonly ProviderAction[]): void {
    for (const action of actions) {
      this.#options.host.point()
      this.#do(action)
    }
  }

  #do(action: ProviderAction): void {
    const { host, store, monitor } = this.#options
    switch (action.type) {
      case 'review':
        // Counting the prompt's tokens takes a moment, in which anything may happen.
        host.after(2, () => this.#review(action.ordered, action.prompt))
        return
      case 'start-engine':
        store.setAcceptance(this.#session ?? '', action.acceptance)
        this.#runEngine()
        return
      case 'pause-engine':
        this.#engine?.pause()
        return
      case 'resume-engine':
        this.#engine?.resume()
        return
      case 'stop-engine':
        this.#engine?.stop()
        return
      case 'send':
        this.#send(action.frame)
        return
      case 'save-receipt':
        store.saveReceipt(this.#session ?? '', action.receipt, this.#now())
        if (this.#account !== undefined) monitor.collects(this.#account, action.receipt, store)
        return
      case 'set-timer':
        this.#setTimer(action.timer, action.ms)
        return
      case 'clear-timer':
        this.#clearTimer(action.timer)
        return
      case 'end':
        this.#finish(action.reason, action.error)
        return
    }
  }

  #send(frame: ProviderFrame): void {
    const { monitor, tamper } = this.#options
    if (this.#account !== undefined && frame.t === 'delta')
      monitor.delivers(this.#account, frame.items)
    for (const sent of tamper(frame))
      this.#end.send(sent instanceof Uint8Array ? sent : encodeFrame(sent))
  }

  #review(ordered: OrderReceived, prompt: Uint8Array): void {
    const { admit, host } = this.#options
    let admission: Admission | Ask
    try {
      admission = admit(ordered, prompt)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      host.kernel.count(`provider: rejects ${error.code}`)
      this.#dispatch({ type: 'rejected', error, now: this.#now() })
      return
    }
    if ('ask' in admission) {
      this.#dispatch({ type: 'quoted', prices: admission.ask, now: this.#now() })
      return
    }
    if (this.state.phase !== 'reviewing') {
      admission.release()
      return
    }
    this.#session = ordered.order.cid.toString()
    this.#admission = admission
    const { inputTokens } = admission
    const now = this.#now()
    const prepaid = leftOneUnpaid(ordered)
    this.#dispatch({ type: 'accepted', inputTokens, determinism: null, prepaid, now })
  }

  #runEngine(): void {
    const { host, plan, monitor } = this.#options
    const { state } = this
    if (this.#admission === undefined || state.phase !== 'streaming')
      throw new Error('the engine starts before the order was admitted')
    if (this.#honest)
      this.#account = monitor.starts(plan, state.order, state.acceptance, host.now())
    this.#engine = new Engine(host, this.#admission.engine, {
      input: (inputTokens) => this.#dispatch({ type: 'input', inputTokens, now: this.#now() }),
      deltas: (deltas) => this.#dispatch({ type: 'deltas', deltas, now: this.#now() }),
      ended: (reason, usage) =>
        this.#dispatch({
          type: 'engine-ended',
          reason,
          ...(usage === undefined ? {} : { usage }),
          now: this.#now(),
        }),
    })
  }

  #setTimer(timer: ProviderTimer, ms: number): void {
    this.#clearTimer(timer)
    const fire = () => this.#dispatch({ type: 'timer', timer, now: this.#now() })
    this.#timers.set(timer, this.#options.host.after(ms, fire))
  }

  #clearTimer(timer: ProviderTimer): void {
    const scheduled = this.#timers.get(timer)
    if (scheduled !== undefined) scheduled.cancelled = true
  }

  #finish(reason: FinalReason, error: HanseError | undefined): void {
    const { host, plan, store, monitor, onEnd } = this.#options
    this.#engine?.stop()
    this.#admission?.release()
    if (this.#session !== undefined) store.endSession(this.#session, reason)
    for (const timer of this.#timers.keys()) this.#clearTimer(timer)
    this.#account?.ended()
    monitor.ended(host, this)
    host.log(`ended: ${reason}${error === undefined ? '' : ` (${error.code} ${error.message})`}`)
    host.kernel.count(`provider ends: ${reason}`)
    // Who vanishes closes nothing.
    if (plan.cheat !== 'vanish') this.#end.end(isAnswered(reason) || reason === 'rejected')
    onEnd()
  }
}

/** One order in four comes from a payer that is remembered for an unpaid window: which one is chance, and no further draw. */
function leftOneUnpaid({ order }: OrderReceived): boolean {
  return (order.value.nonce[0] ?? 0) % 4 === 0
}
