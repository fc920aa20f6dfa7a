import {
  type ConsumerAction,
  type ConsumerEvent,
  type ConsumerState,
  cidOf,
  commitPrompt,
  consumerStep,
  type FinalReason,
  type Order,
  openConsumerSession,
  openProviderSession,
  order,
  type PicoEuro,
  type ProviderAction,
  type ProviderEvent,
  type ProviderState,
  providerStep,
  type SignedRecord,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import type { Submission } from '../receipts/submission.ts'

export interface Talk {
  readonly network: string
  readonly consumer: Signer
  readonly provider: Signer
  /** What is ordered; the prompt is committed to here. */
  readonly order: Omit<Order, 'consumer' | 'provider' | 'authorization' | 'promptCommitment'>
  readonly authorization: SignedRecord
  /** What the authorization still covers. */
  readonly remaining: PicoEuro
  readonly inputTokens: bigint
  readonly engine: Engine
}

/** What the engine does. */
export interface Engine {
  readonly outputTokens: number
  /** Until the first token, and for each one. */
  readonly firstMs: number
  readonly msPerToken: number
  readonly ending: Extract<FinalReason, 'completed' | 'length' | 'engine-failed'> | 'cancelled'
}

/** What is left of a session when both sides have ended. */
export interface Talked {
  readonly submission: Submission
  readonly session: string
  readonly reason: FinalReason
  /** From the order on, by the consumer's clock. */
  readonly firstMs: number
  readonly totalMs: number
}

/** A provider takes so long to decide, and each frame to arrive: a city away. */
const REVIEW_MS = 12
const TOKENS_PER_DELTA = 256
/** Of a token, in the text that shows it. */
const TEXT = 'word '
const PROMPT = new TextEncoder().encode('{"model":"demo","messages":[]}')

/** A whole session between two peers, by the very rules that nodes keep: only the network, the engine and the time are not real. */
export function converse(talk: Talk): Talked {
  return new Talking(talk).run()
}

class Talking {
  readonly #talk: Talk
  readonly #order: ReturnType<typeof signOrder>
  #now: number
  #consumer: ConsumerState
  #provider: ProviderState
  /** What has been sent and has not arrived, oldest first. */
  readonly #mail: (() => void)[] = []
  #acceptance: SignedRecord | undefined
  #receipt: SignedRecord | undefined
  #firstAt: number | undefined
  #reason: FinalReason | undefined
  #engine: 'running' | 'stopped' = 'stopped'

  constructor(talk: Talk) {
    this.#talk = talk
    this.#now = talk.order.issuedAt
    const secret = crypto.getRandomValues(new Uint8Array(32))
    this.#order = signOrder(talk, secret)
    const { authorization, remaining } = talk
    const purchase = { order: this.#order, authorization, remaining, secret, prompt: PROMPT }
    const asking = openConsumerSession(purchase)
    const listening = openProviderSession()
    this.#consumer = asking.state
    this.#provider = listening.state
    this.#atConsumer(asking.actions)
  }

  run(): Talked {
    this.#deliver()
    this.#now += this.#talk.engine.firstMs
    this.#answer()
    const [acceptance, receipt, reason] = [this.#acceptance, this.#receipt, this.#reason]
    if (acceptance === undefined || receipt === undefined || reason === undefined) {
      throw new Error(`a session of the demo came to nothing: ${reason ?? 'no end'}`)
    }
    const began = this.#talk.order.issuedAt
    return {
      submission: {
        order: this.#order,
        acceptance,
        authorization: this.#talk.authorization,
        attestation: null,
        receipt,
      },
      session: this.#order.cid.toString(),
      reason,
      firstMs: (this.#firstAt ?? this.#now) - began,
      totalMs: this.#now - began,
    }
  }

  /** The engine writes to its end, or until nobody wants more. */
  #answer(): void {
    const { outputTokens, msPerToken, ending } = this.#talk.engine
    const { inputTokens } = this.#talk
    this.#tellProvider({ type: 'input', inputTokens, now: this.#now })
    for (let left = outputTokens; left > 0 && this.#engine === 'running'; ) {
      const tokens = Math.min(left, TOKENS_PER_DELTA)
      left -= tokens
      this.#firstAt ??= this.#now
      this.#now += Math.round(tokens * msPerToken)
      const deltas = [{ tokens, payload: chunkOf(tokens) }]
      this.#tellProvider({ type: 'deltas', deltas, now: this.#now })
    }
    if (ending === 'cancelled') this.#tellConsumer({ type: 'cancel', now: this.#now })
    else {
      const usage = { inputTokens, cachedInputTokens: 0n }
      this.#tellProvider({ type: 'engine-ended', reason: ending, usage, now: this.#now })
    }
  }

  #tellProvider(event: ProviderEvent): void {
    const { network, provider: signer } = this.#talk
    const step = providerStep({ network, signer }, this.#provider, event)
    this.#provider = step.state
    this.#atProvider(step.actions)
    this.#deliver()
  }

  #tellConsumer(event: ConsumerEvent): void {
    const { network, consumer: signer } = this.#talk
    const step = consumerStep({ network, signer }, this.#consumer, event)
    this.#consumer = step.state
    this.#atConsumer(step.actions)
    this.#deliver()
  }

  #deliver(): void {
    for (let next = this.#mail.shift(); next !== undefined; next = this.#mail.shift()) next()
  }

  #atProvider(actions: readonly ProviderAction[]): void {
    for (const action of actions) {
      if (action.type === 'review') this.#mail.push(() => this.#accept())
      if (action.type === 'start-engine' || action.type === 'resume-engine')
        this.#engine = 'running'
      if (action.type === 'stop-engine' || action.type === 'pause-engine') this.#engine = 'stopped'
      if (action.type === 'save-receipt') this.#receipt = action.receipt
      if (action.type === 'send') {
        const { frame } = action
        this.#mail.push(() => this.#tellConsumer({ type: 'frame', frame, now: this.#now }))
      }
    }
  }

  #accept(): void {
    this.#now += REVIEW_MS
    const { inputTokens } = this.#talk
    this.#tellProvider({ type: 'accepted', inputTokens, determinism: null, now: this.#now })
  }

  #atConsumer(actions: readonly ConsumerAction[]): void {
    for (const action of actions) {
      if (action.type === 'accepted') this.#acceptance = action.acceptance
      if (action.type === 'end') this.#reason = action.reason
      if (action.type === 'send') {
        const { frame } = action
        this.#mail.push(() => this.#tellProvider({ type: 'frame', frame, now: this.#now }))
      }
    }
  }
}

function signOrder(talk: Talk, secret: Uint8Array) {
  const { network, consumer, provider, authorization } = talk
  const ordered: Order = {
    ...talk.order,
    consumer: consumer.peerId,
    provider: provider.peerId,
    authorization: cidOf(authorization.bytes),
    promptCommitment: commitPrompt(secret, PROMPT),
  }
  return signRecord({ network }, order, ordered, 'consumer', consumer)
}

/** As an engine streams it. */
function chunkOf(tokens: number): Uint8Array {
  const content = TEXT.repeat(tokens)
  return new TextEncoder().encode(JSON.stringify({ choices: [{ index: 0, delta: { content } }] }))
}
