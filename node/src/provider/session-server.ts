import {
  decodeConsumerFrame,
  encodeFrame,
  type FinalReason,
  type FixedChoices,
  fixedChoices,
  HanseError,
  isAnswered,
  type Named,
  type OrderReceived,
  openProviderSession,
  type PicoEuro,
  type Prices,
  type ProviderAction,
  type ProviderContext,
  type ProviderEvent,
  type ProviderState,
  type ProviderTimer,
  picoEuro,
  providerStep,
  type Receipt,
  type SignedRecord,
  seedOf,
} from '@hanse/protocol'
import { EngineError, type EngineEvent, type RequestKind } from '../engine/index.ts'
import { InOrder } from '../network/in-order.ts'
import { type FrameStream, SessionLink } from '../network/index.ts'
import type { NodeStore } from '../store/node-store.ts'
import { statementDue } from '../store/statement-due.ts'
import type { SessionTrace } from './session-board.ts'

/** An order that was looked at and found good: what it takes to serve it. */
export interface Admission {
  /** The most input tokens that will be charged. */
  readonly inputTokens: bigint
  /** Whose word its payment rests on. */
  readonly payers: readonly string[]
  /** One of them has left a window unpaid: the prompt is paid for before a token is sent. */
  readonly prepaid: boolean
  readonly kind: RequestKind
  /** Names the engine and the weights when a request with fixed choices gives the same bytes again. */
  readonly reproducible: { readonly engine: string; readonly digest: string } | null
  /** Runs the engine; ends when the signal is aborted. */
  run(signal: AbortSignal, fixed?: FixedChoices): AsyncIterable<readonly EngineEvent[]>
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
  readonly admit: (
    ordered: OrderReceived,
    prompt: Uint8Array,
    signal: AbortSignal,
  ) => Promise<Admission | Ask>
  /** Looks at an order before its prompt is taken. @throws {HanseError} to reject it */
  readonly screen?: (ordered: OrderReceived) => void
  readonly trace: SessionTrace
  /** Makes room for a part of a prompt. @returns how to give it back; or whose limit is reached */
  readonly holdPrompt: (bytes: number) => (() => void) | 'all' | 'each'
  /** The engine broke; the session goes on to its final receipt. */
  readonly onEngineFault?: (session: string, error: HanseError) => void
  /** @param unpaid what was sent and not countersigned, pico-euro; undefined where that is nothing */
  readonly onEnd?: (
    session: string,
    reason: FinalReason,
    error: HanseError | undefined,
    unpaid: PicoEuro | undefined,
  ) => void
}

/** Runs the provider's side of one session over a stream, by itself, until it has ended. */
export class SessionServer {
  readonly ended: Promise<void>
  readonly #link: SessionLink<ProviderTimer>
  readonly #options: SessionServerOptions
  readonly #ended = Promise.withResolvers<void>()
  readonly #engineStop = new AbortController()
  /** Aborted when nobody waits any more for the order to be taken. */
  #reviewing = new AbortController()
  #state: ProviderState
  #session: string | undefined
  #admission: Admission | undefined
  #fixed: FixedChoices | undefined
  #fault: HanseError | undefined
  /** By the last receipt with both signatures. */
  #paid = picoEuro(0n)
  readonly #parts: (() => void)[] = []
  readonly #inOrder = new InOrder((fault) => this.#onFault(fault))
  #isOver = false
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
    this.#run(actions)
    void this.#link.read()
  }

  /** The daemon is to stop: an order that is not taken yet is rejected, an answer goes on. */
  drain(): void {
    this.#dispatch({ type: 'drain', now: this.#options.now() })
  }

  /** There is no more time: ends an answer with a receipt for what was delivered. */
  cut(): void {
    this.#stopEngine()
    this.#dispatch({ type: 'engine-ended', reason: 'draining', now: this.#options.now() })
  }

  #onFrame(bytes: Uint8Array): void {
    const now = this.#options.now()
    try {
      const frame = decodeConsumerFrame(bytes)
      if (frame.t === 'prompt' && this.#state.phase === 'ordering') {
        const held = this.#options.holdPrompt(frame.part.byteLength)
        if (typeof held === 'string') {
          this.#dispatch({ type: 'rejected', error: noRoom(held), now })
          return
        }
        this.#parts.push(held)
      }
      this.#dispatch({ type: 'frame', frame, now })
      if (frame.t === 'order') this.#screen(now)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.#dispatch({ type: 'malformed', error, now })
    }
  }

  /** What must not be seen here is turned away before it comes, and what of it is on its way is not read. */
  #screen(now: number): void {
    const state = this.#state
    if (state.phase !== 'ordering' || state.ordered === undefined) return
    try {
      this.#options.screen?.(state.ordered)
    } catch (error) {
      this.#dispatch({ type: 'rejected', error: toHanseError(error), now })
    }
  }

  #dispatch(event: ProviderEvent): void {
    if (this.#state.phase === 'ended') return
    const { state, actions } = providerStep(this.#options.context, this.#state, event)
    this.#state = state
    if (state.phase !== 'reviewing' && !this.#reviewing.signal.aborted) this.#reviewing.abort(OVER)
    // A whole prompt is counted by whoever reviews it; one that is given up is forgotten.
    if (state.phase !== 'ordering') for (const giveBack of this.#parts.splice(0)) giveBack()
    this.#run(actions)
  }

  #run(actions: readonly ProviderAction[]): void {
    for (const action of actions) {
      // Whoever cancels waits for no disk.
      if (action.type === 'stop-engine') this.#stopEngine()
      else this.#inOrder.take(() => this.#perform(action))
    }
  }

  /** What cannot be written down is not acknowledged, and nothing rests on it. */
  #onFault(cause: unknown): void {
    this.#fault = new HanseError('HANSE_DISK_FULL', 'the session cannot be written down', { cause })
    this.#link.frames.abort(this.#fault)
    this.#state = { phase: 'ended', reason: 'consumer-unreachable' }
    this.#end('consumer-unreachable', undefined)
  }

  /** @returns resolves when what comes after may be done; nothing where that is at once */
  #perform(action: ProviderAction): Promise<void> | undefined {
    const { store, now } = this.#options
    switch (action.type) {
      case 'review':
        void this.#review(action.ordered, action.prompt)
        return
      case 'start-engine':
        store.setAcceptance(this.#session ?? '', action.acceptance)
        void this.#runEngine()
        return store.committed()
      case 'pause-engine':
        this.#resume = Promise.withResolvers()
        return
      case 'resume-engine':
        this.#resume?.resolve()
        this.#resume = undefined
        return
      case 'stop-engine':
        this.#stopEngine()
        return
      case 'send':
        this.#link.send(encodeFrame(action.frame))
        return
      case 'save-receipt':
        this.#paid = action.receipt.value.amount
        return this.#save(action.receipt)
      case 'set-timer': {
        const { timer, ms } = action
        this.#link.setTimer(timer, ms, () => this.#dispatch({ type: 'timer', timer, now: now() }))
        return
      }
      case 'clear-timer':
        this.#link.clearTimer(action.timer)
        return
      case 'end':
        this.#end(action.reason, action.error, action.unpaid)
        return
    }
  }

  async #save(signed: Named<Receipt> & SignedRecord): Promise<void> {
    const { store, now, stated, trace } = this.#options
    const tellAt = stated ? statementDue(signed.value, now()) : 0
    await store.saveReceipt(this.#session ?? '', signed, tellAt)
    trace.countersigned(signed.value)
  }

  async #review(ordered: OrderReceived, prompt: Uint8Array): Promise<void> {
    const session = ordered.order.cid.toString()
    const { admit, trace } = this.#options
    trace.ordered(session, ordered.order.value, ordered.trace)
    this.#reviewing = new AbortController()
    const { signal } = this.#reviewing
    try {
      const admission = await admit(ordered, prompt, signal)
      if ('ask' in admission) {
        this.#dispatch({ type: 'quoted', prices: admission.ask, now: this.#options.now() })
        return
      }
      if (signal.aborted) {
        admission.release()
        this.#options.store.endSession(session, 'cancelled', this.#options.now())
        return
      }
      const { inputTokens, reproducible, kind, prepaid } = admission
      this.#session = session
      this.#admission = admission
      this.#fixed = fixedChoices(ordered.order)
      const determinism =
        reproducible === null ? null : { ...reproducible, seed: seedOf(prompt, this.#fixed) }
      trace.accepted(kind)
      const now = this.#options.now()
      this.#dispatch({ type: 'accepted', inputTokens, determinism, prepaid, now })
    } catch (error) {
      if (signal.aborted) return
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
      for await (const events of admission.run(this.#engineStop.signal, this.#fixed)) {
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
    this.#dispatch({ type: 'engine-ended', reason: reasonOf(fault), now })
  }

  #onEngineEvents(events: readonly EngineEvent[]): EngineEvent | undefined {
    const now = this.#options.now()
    const deltas = events.filter((event) => event.type === 'delta')
    for (const event of events) {
      if (event.type === 'start' && event.inputTokens !== null) {
        this.#dispatch({ type: 'input', inputTokens: BigInt(event.inputTokens), now })
      }
    }
    if (deltas.length > 0) {
      this.#options.trace.tokens(deltas.reduce((sum, { tokens }) => sum + tokens, 0))
      this.#dispatch({ type: 'deltas', deltas, now })
    }
    return events.find((event) => event.type === 'end')
  }

  #stopEngine(): void {
    this.#engineStop.abort(OVER)
    this.#resume?.resolve()
  }

  #end(reason: FinalReason, error: HanseError | undefined, unpaid?: PicoEuro): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopEngine()
    this.#remember(unpaid ?? picoEuro(0n))
    this.#admission?.release()
    if (this.#session !== undefined)
      this.#options.store.endSession(this.#session, reason, this.#options.now())
    this.#options.trace.ended(reason, (this.#fault ?? error)?.code)
    this.#options.onEnd?.(this.#session ?? '', reason, this.#fault ?? error, unpaid)
    void this.#link.end(isAnswered(reason) || reason === 'rejected').then(this.#ended.resolve)
  }

  /** Before the slot comes free: the next order of this payer, which may wait for it, is judged by this one. */
  #remember(unpaid: PicoEuro): void {
    const { store, now } = this.#options
    const { payers = [] } = this.#admission ?? {}
    if (this.#paid > 0n || unpaid > 0n)
      store.payers.ended(payers, { paid: this.#paid, unpaid }, now())
  }
}

/** Made once: every session ends with it, and an error of its own would cost each a stack. */
const OVER = new DOMException('the session is over', 'AbortError')

/** Prompts come in whole within a minute. */
const ROOM_RETRY_MS = 5_000

function noRoom(whose: 'all' | 'each'): HanseError {
  return whose === 'each'
    ? new HanseError('HANSE_CONNECTION_LIMIT', 'too many prompts at once from this peer', {
        retryAfterMs: ROOM_RETRY_MS,
      })
    : new HanseError('HANSE_CAPACITY', 'too many prompts at once', { retryAfterMs: ROOM_RETRY_MS })
}

const ENGINE_CODES = {
  HANSE_ENGINE_UNAVAILABLE: 'HANSE_ENGINE_UNAVAILABLE',
  HANSE_ENGINE_REFUSED: 'HANSE_ENGINE_REFUSED',
  HANSE_ENGINE_CONTEXT_LENGTH: 'HANSE_CONTEXT_LENGTH',
  HANSE_ENGINE_FAILED: 'HANSE_ENGINE_FAILED',
  HANSE_ENGINE_MODEL_UNKNOWN: 'HANSE_MODEL_UNKNOWN',
} as const

/** What is the request's own fault fails everywhere: the consumer is told so, and asks nobody else. */
function reasonOf(fault: unknown): FinalReason {
  const code = fault instanceof EngineError ? fault.code : undefined
  if (code === 'HANSE_ENGINE_REFUSED') return 'engine-refused'
  return code === 'HANSE_ENGINE_CONTEXT_LENGTH' ? 'context-length' : 'engine-failed'
}

function toHanseError(error: unknown): HanseError {
  if (error instanceof HanseError) return error
  if (error instanceof EngineError)
    return new HanseError(ENGINE_CODES[error.code], error.message, { cause: error })
  return new HanseError('HANSE_INTERNAL', 'the provider failed', { cause: error })
}
