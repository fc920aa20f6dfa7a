import {
  asHanseError,
  type Bid,
  type ConsumerAction,
  type ConsumerContext,
  type ConsumerEvent,
  type ConsumerState,
  type ConsumerTimer,
  consumerStep,
  decodeProviderFrame,
  encodeFrame,
  type FinalReason,
  HanseError,
  isAnswered,
  type Named,
  openConsumerSession,
  type Prices,
  type Purchase,
  type Receipt,
  type Round,
  type SignedRecord,
} from '@hanse/protocol'
import type { FrameStream } from '../network/frame-stream.ts'
import { InOrder } from '../network/in-order.ts'
import { SessionLink } from '../network/session-link.ts'
import { statementDue } from '../store/statement-due.ts'
import { PayloadQueue } from './payload-queue.ts'
import type { ConsumerStore } from './store.ts'

export interface SessionOutcome {
  readonly session: string
  readonly provider: string
  readonly reason: FinalReason
  readonly error: HanseError | undefined
  readonly last: Receipt | undefined
  readonly receipts: number
  /** What came, whether or not a receipt says so: tokens of the answer, and of the prompt as it was accepted. */
  readonly delivered: { readonly inputTokens: bigint; readonly outputTokens: bigint }
}

export interface SessionClientOptions {
  readonly context: ConsumerContext
  readonly store: ConsumerStore
  readonly now: () => number
  readonly onReceipt?: (session: string, receipt: Receipt) => void
  /** The provider has taken the order. */
  readonly onAccepted?: (session: string) => void
  /** Answers a quote with the next order, or leaves it. @throws {HanseError} why it is left */
  readonly decide?: (round: Round) => Promise<Bid | undefined>
}

type Delivery = Extract<ConsumerAction, { type: 'deliver' }>

/** Tokens a slow client may leave unread before the provider is asked to wait, in bytes of chunks. */
const UNREAD_BYTES_MAX = 1 << 20

/**
 * Runs the consumer's side of one session over a stream: feeds the state machine and does what it says. Started by the
 * constructor; it ends by itself.
 */
export class SessionClient {
  /** CID of the order; another one after each round of quotes. */
  session: string
  /** As they were agreed on in the end. */
  prices: Prices
  /** The engine's chunks, in order. Throws the session's error when it did not end with a whole answer. */
  readonly payloads: AsyncIterable<readonly Uint8Array[]>
  /** Resolves with the first payload, or a whole empty answer; rejects when it ends badly before. */
  readonly started: Promise<void>
  readonly outcome: Promise<SessionOutcome>

  readonly #link: SessionLink<ConsumerTimer>
  readonly #options: SessionClientOptions
  readonly #queue = new PayloadQueue(UNREAD_BYTES_MAX)
  readonly #started = Promise.withResolvers<void>()
  readonly #outcome = Promise.withResolvers<SessionOutcome>()
  readonly #provider: string
  readonly #inOrder = new InOrder((fault) => this.#onFault(fault))
  #state: ConsumerState
  #last: Receipt | undefined
  #receipts = 0
  /** When the order was sent, and the first token came. */
  readonly #from: number
  #firstAt: number | undefined
  #inputTokens = 0n
  #outputTokens = 0n
  #isOver = false

  constructor(frames: FrameStream, purchase: Purchase, options: SessionClientOptions) {
    this.session = purchase.order.cid.toString()
    this.prices = purchase.order.value
    this.#provider = purchase.order.value.provider
    this.payloads = this.#queue
    this.started = this.#started.promise
    this.outcome = this.#outcome.promise
    // Whoever waits for the payloads alone must not get an unhandled rejection for it.
    this.#started.promise.catch(() => {})
    this.#options = options
    this.#from = options.now()
    this.#link = new SessionLink(frames, {
      onFrame: (bytes) => this.#onFrame(bytes),
      onClosed: () => this.#dispatch({ type: 'closed', now: options.now() }),
      drained: () => this.#queue.drained(),
    })
    const { state, actions } = openConsumerSession(purchase)
    this.#state = state
    this.#run(actions)
    void this.#link.read()
  }

  /** Stops the answer; what was delivered is still countersigned. */
  cancel(): void {
    this.#dispatch({ type: 'cancel', now: this.#options.now() })
  }

  #onFrame(bytes: Uint8Array): void {
    const now = this.#options.now()
    try {
      this.#dispatch({ type: 'frame', frame: decodeProviderFrame(bytes), now })
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.#dispatch({ type: 'malformed', error, now })
    }
  }

  #dispatch(event: ConsumerEvent): void {
    if (this.#state.phase === 'ended') return
    const { state, actions } = consumerStep(this.#options.context, this.#state, event)
    this.#state = state
    this.#run(actions)
  }

  #run(actions: readonly ConsumerAction[]): void {
    for (const action of actions) {
      // Nothing rests on a token, so it waits for nothing.
      if (action.type === 'deliver') this.#deliver(action)
      else this.#inOrder.take(() => this.#perform(action))
    }
  }

  #deliver({ payloads, tokens }: Delivery): void {
    this.#queue.push(payloads)
    this.#firstAt ??= this.#options.now()
    this.#outputTokens += BigInt(tokens)
    this.#started.resolve()
  }

  /** @returns resolves when what comes after may be done; nothing where that is at once */
  #perform(action: Exclude<ConsumerAction, Delivery>): Promise<void> | undefined {
    const { store, now } = this.#options
    switch (action.type) {
      case 'send':
        this.#link.send(encodeFrame(action.frame))
        return
      case 'decide-quote':
        void this.#decide(action.round)
        return
      case 'accepted':
        store.setAcceptance(this.session, action.acceptance)
        this.#inputTokens = action.acceptance.value.inputTokens
        this.#options.onAccepted?.(this.session)
        return store.committed()
      case 'save-receipt':
        return this.#save(action.receipt)
      case 'set-timer': {
        const { timer, ms } = action
        this.#link.setTimer(timer, ms, () => this.#dispatch({ type: 'timer', timer, now: now() }))
        return
      }
      case 'end':
        this.#end(action.reason, action.error)
        return
    }
  }

  async #save(signed: Named<Receipt> & SignedRecord): Promise<void> {
    const { store, now, onReceipt } = this.#options
    await store.saveReceipt(this.session, signed, statementDue(signed.value, now()))
    this.#last = signed.value
    this.#receipts++
    onReceipt?.(this.session, signed.value)
  }

  /** What cannot be written down is not acknowledged: the session ends with the receipt before. */
  #onFault(cause: unknown): void {
    const fault = faultOf(cause)
    this.#link.frames.abort(fault)
    this.#state = { phase: 'ended', reason: 'provider-unreachable' }
    this.#end('provider-unreachable', fault)
  }

  async #decide(round: Round): Promise<void> {
    const { store, now, decide } = this.#options
    let bid: Bid | undefined
    let error: HanseError | undefined
    try {
      bid = await decide?.(round)
    } catch (cause) {
      error = asHanseError(cause)
    }
    // Cancelled meanwhile, or cut.
    if (this.#state.phase !== 'deciding') return
    if (bid === undefined) {
      this.#dispatch({ type: 'decline', ...(error && { error }), now: now() })
      return
    }
    store.putRound(round)
    store.endSession(this.session, 'quoted', now())
    this.session = bid.order.cid.toString()
    this.prices = bid.order.value
    store.beginSession('consumer', bid.order, bid.authorization, now())
    try {
      await store.committed()
    } catch (cause) {
      this.#onFault(cause)
      return
    }
    this.#dispatch({ type: 'reorder', bid, now: now() })
  }

  #end(reason: FinalReason, error: HanseError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    const { store, now } = this.#options
    const at = now()
    const firstMs = this.#firstAt === undefined ? null : this.#firstAt - this.#from
    store.endSession(this.session, reason, at, { firstMs, totalMs: at - this.#from })
    void this.#link.end(isAnswered(reason))
    this.#queue.close(error)
    if (error === undefined) this.#started.resolve()
    else this.#started.reject(error)
    this.#outcome.resolve({
      session: this.session,
      provider: this.#provider,
      reason,
      error,
      last: this.#last,
      receipts: this.#receipts,
      delivered: { inputTokens: this.#inputTokens, outputTokens: this.#outputTokens },
    })
  }
}

function faultOf(cause: unknown): HanseError {
  if (cause instanceof HanseError) return cause
  return new HanseError('HANSE_DISK_FULL', 'the session cannot be written down', { cause })
}
