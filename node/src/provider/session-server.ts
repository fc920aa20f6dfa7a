import {
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
  type ProviderState,
  type ProviderTimer,
  providerStep,
} from '@hanse/protocol'
import { EngineError, type EngineEvent } from '../engine/index.ts'
import { type FrameStream, SessionLink } from '../network/index.ts'
import type { NodeStore } from '../store/node-store.ts'
import { statementDue } from '../store/statement-store.ts'

/** An order that was looked at and found good: what it takes to serve it. */
export interface Admission {
  /** The most input tokens that will be charged. */
  readonly inputTokens: bigint
  /** Runs the engine; ends when the signal is aborted. */
  run(signal: AbortSignal): AsyncIterable<readonly EngineEvent[]>
  /** Frees the slot and what was reserved of the authorization. */
  release(): void
}

/** The order is good but for its prices. */
export interface Ask {
  readonly ask: Prices
}

export interface SessionServerOptions {
  readonly context: ProviderContext
  readonly store: NodeStore
  readonly now: () => number
  /** Final receipts wait a while for a Statement to tell of them. */
  readonly stated: boolean
  /** Decides on an order: takes it, or asks for other prices. @throws {HanseError} to reject it */
  readonly admit: (ordered: OrderReceived, prompt: Uint8Array) => Promise<Admission | Ask>
  /** The engine broke; the session goes on to its final receipt. */
  readonly onEngineFault?: (session: string, error: HanseError) => void
  readonly onEnd?: (session: string, reason: FinalReason, error: HanseError | undefined) => void
}

/** Runs the provider's side of one session over a stream; resolves when it has ended. */
export async function serveSession(
  frames: FrameStream,
  options: SessionServerOptions,
): Promise<void> {
  const server = new SessionServer(frames, options)
  await server.ended
}

class SessionServer {
  readonly ended: Promise<void>
  readonly #link: SessionLink<ProviderTimer>
  readonly #options: SessionServerOptions
  readonly #ended = Promise.withResolvers<void>()
  readonly #engineStop = new AbortController()
  #state: ProviderState
  #session: string | undefined
  #admission: Admission | undefined
  #resume: PromiseWithResolvers<void> | undefined

  constructor(frames: FrameStream, options: SessionServerOptions) {
    this.ended = this.#ended.promise
    this.#options = options
    this.#link = new SessionLink(frames, {
      onFrame: (bytes) => this.#onFrame(bytes),
      onClosed: () => this.#dispatch({ type: 'closed', now: options.now() }),
    })
    const { state, actions } = openProviderSession()
    this.#state = state
    this.#perform(actions)
    void this.#link.read()
  }

  #onFrame(bytes: Uint8Array): void {
    const now = this.#options.now()
    try {
      this.#dispatch({ type: 'frame', frame: decodeConsumerFrame(bytes), now })
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.#dispatch({ type: 'malformed', error, now })
    }
  }

  #dispatch(event: ProviderEvent): void {
    if (this.#state.phase === 'ended') return
    const { state, actions } = providerStep(this.#options.context, this.#state, event)
    this.#state = state
    this.#perform(actions)
  }

  #perform(actions: readonly ProviderAction[]): void {
    const { store, now, stated } = this.#options
    for (const action of actions) {
      switch (action.type) {
        case 'review':
          void this.#review(action.ordered, action.prompt)
          break
        case 'start-engine':
          store.setAcceptance(this.#session ?? '', action.acceptance)
          void this.#runEngine()
          break
        case 'pause-engine':
          this.#resume = Promise.withResolvers()
          break
        case 'resume-engine':
          this.#resume?.resolve()
          this.#resume = undefined
          break
        case 'stop-engine':
          this.#stopEngine()
          break
        case 'send':
          this.#link.send(encodeFrame(action.frame))
          break
        case 'save-receipt':
          store.saveReceipt(
            this.#session ?? '',
            action.receipt,
            stated ? statementDue(action.receipt.value, now()) : 0,
          )
          break
        case 'set-timer': {
          const { timer, ms } = action
          this.#link.setTimer(timer, ms, () => this.#dispatch({ type: 'timer', timer, now: now() }))
          break
        }
        case 'clear-timer':
          this.#link.clearTimer(action.timer)
          break
        case 'end':
          this.#end(action.reason, action.error)
          break
      }
    }
  }

  async #review(ordered: OrderReceived, prompt: Uint8Array): Promise<void> {
    const session = ordered.order.cid.toString()
    try {
      const admission = await this.#options.admit(ordered, prompt)
      if ('ask' in admission) {
        this.#dispatch({ type: 'quoted', prices: admission.ask, now: this.#options.now() })
        return
      }
      if (this.#state.phase !== 'reviewing') {
        admission.release()
        return
      }
      this.#session = session
      this.#admission = admission
      this.#dispatch({
        type: 'accepted',
        inputTokens: admission.inputTokens,
        determinism: null,
        now: this.#options.now(),
      })
    } catch (error) {
      const fault = toHanseError(error)
      this.#dispatch({ type: 'rejected', error: fault, now: this.#options.now() })
    }
  }

  async #runEngine(): Promise<void> {
    const admission = this.#admission
    if (admission === undefined) throw new Error('engine started before the order was admitted')
    let finished: EngineEvent | undefined
    let fault: unknown
    try {
      for await (const events of admission.run(this.#engineStop.signal)) {
        finished = this.#onEngineEvents(events) ?? finished
        // Both the network and the credit window hold the engine back.
        await this.#resume?.promise
        await this.#link.frames.drained(this.#engineStop.signal)
      }
    } catch (error) {
      fault = error
    }
    const now = this.#options.now()
    if (finished?.type === 'end') {
      const { inputTokens, cachedInputTokens } = finished.usage
      const usage = {
        inputTokens: BigInt(inputTokens),
        cachedInputTokens: BigInt(cachedInputTokens),
      }
      const reason = finished.finishReason === 'length' ? 'length' : 'completed'
      this.#dispatch({ type: 'engine-ended', reason, usage, now })
      return
    }
    if (!this.#engineStop.signal.aborted)
      this.#options.onEngineFault?.(this.#session ?? '', toHanseError(fault))
    this.#dispatch({ type: 'engine-ended', reason: 'engine-failed', now })
  }

  #onEngineEvents(events: readonly EngineEvent[]): EngineEvent | undefined {
    const now = this.#options.now()
    const deltas = events.filter((event) => event.type === 'delta')
    for (const event of events) {
      if (event.type === 'start' && event.inputTokens !== null) {
        this.#dispatch({ type: 'input', inputTokens: BigInt(event.inputTokens), now })
      }
    }
    if (deltas.length > 0) this.#dispatch({ type: 'deltas', deltas, now })
    return events.find((event) => event.type === 'end')
  }

  #stopEngine(): void {
    this.#engineStop.abort()
    this.#resume?.resolve()
  }

  #end(reason: FinalReason, error: HanseError | undefined): void {
    this.#stopEngine()
    this.#admission?.release()
    if (this.#session !== undefined)
      this.#options.store.endSession(this.#session, reason, this.#options.now())
    this.#options.onEnd?.(this.#session ?? '', reason, error)
    void this.#link.end(isAnswered(reason) || reason === 'rejected').then(this.#ended.resolve)
  }
}

const ENGINE_CODES = {
  HANSE_ENGINE_UNAVAILABLE: 'HANSE_ENGINE_UNAVAILABLE',
  HANSE_ENGINE_REFUSED: 'HANSE_ENGINE_REFUSED',
  HANSE_ENGINE_CONTEXT_LENGTH: 'HANSE_CONTEXT_LENGTH',
  HANSE_ENGINE_FAILED: 'HANSE_ENGINE_FAILED',
  HANSE_ENGINE_MODEL_UNKNOWN: 'HANSE_MODEL_UNKNOWN',
} as const

function toHanseError(error: unknown): HanseError {
  if (error instanceof HanseError) return error
  if (error instanceof EngineError)
    return new HanseError(ENGINE_CODES[error.code], error.message, { cause: error })
  return new HanseError('HANSE_INTERNAL', 'the provider failed', { cause: error })
}
