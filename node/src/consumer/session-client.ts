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
  openConsumerSession,
  type Prices,
  type Purchase,
  type Receipt,
  type Round,
} from '@hanse/protocol'
import type { FrameStream } from '../network/frame-stream.ts'
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
  #state: ConsumerState
  #last: Receipt | undefined
  #receipts = 0
  #inputTokens = 0n
  #outputTokens = 0n

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
    for (const action of actions) this.#perform(action)
  }

  #perform(action: ConsumerAction): void {
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
        return
      case 'deliver':
        this.#queue.push(action.payloads)
        this.#outputTokens += BigInt(action.tokens)
        this.#started.resolve()
        return
      case 'save-receipt':
        store.saveReceipt(this.session, action.receipt, statementDue(action.receipt.value, now()))
        this.#last = action.receipt.value
        this.#receipts++
        this.#options.onReceipt?.(this.session, action.receipt.value)
        return
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
    this.#dispatch({ type: 'reorder', bid, now: now() })
  }

  #end(reason: FinalReason, error: HanseError | undefined): void {
    this.#options.store.endSession(this.session, reason, this.#options.now())
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
