import {
  type Bid,
  HanseError,
  type MatchedOffer,
  type OfferedModel,
  type PicoEuro,
  type Prices,
  type Receipt,
  type Residency,
  type ResidencyPolicy,
  SESSION_PROTOCOL,
  type Signer,
  type Tokenizer,
} from '@hanse/protocol'
import type { CID } from 'multiformats/cid'
import { EngineError } from '../engine/engine.ts'
import type { ModelTokenizer } from '../engine/index.ts'
import { Deadline } from '../network/deadline.ts'
import type { FrameStream } from '../network/frame-stream.ts'
import type { Network } from '../network/index.ts'
import { whyUnreached } from '../network/why-unreached.ts'
import type { AnswerPart } from './answer.ts'
import type { Authorizer } from './authorizer.ts'
import { Bidder } from './bidder.ts'
import type { FetchedOffer } from './offer-directory.ts'
import { type PlaceRefused, RecipientCheck } from './recipient-check.ts'
import type { InferenceRequest, RequestOptions } from './request.ts'
import { SessionClient, type SessionOutcome } from './session-client.ts'
import type { ConsumerStore } from './store.ts'

export interface BuyerSettings {
  readonly residency: ResidencyPolicy
  readonly maxInputPrice: PicoEuro | undefined
  readonly maxOutputPrice: PicoEuro | undefined
  /** Output tokens between receipts. */
  readonly receiptEvery: bigint
  /** The most to leave un-countersigned with any provider, pico-euro. */
  readonly creditWindowMax: PicoEuro
  /** Request bodies stay in the store, so that they can be run again. */
  readonly keepRequests: boolean
}

export interface BuyerOptions {
  readonly networkName: string
  readonly signer: Signer
  readonly network: Pick<Network, 'openStream'>
  readonly store: ConsumerStore
  readonly authorizer: Authorizer
  readonly settings: BuyerSettings
  /** Of models that this node has: what providers of just these count is checked token by token. */
  readonly tokenizers?: readonly ModelTokenizer[]
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** Whether an attestation, by its CID, was taken back by who gave it. */
  readonly isRevoked?: (cid: string) => boolean
  /** A provider got no prompt for its place. */
  readonly onRefused?: (refused: PlaceRefused) => void
  readonly onReceipt?: (session: string, receipt: Receipt) => void
  /** A provider asked for other prices than it offered. */
  readonly onQuote?: (session: string, asked: Prices, taken: boolean) => void
  readonly onEnd?: (outcome: SessionOutcome) => void
}

/** An order that a provider was sent. */
export interface Purchase extends AnswerPart {
  /** The engine's own OpenAI chunks. Throws a HanseError when the answer is not whole. */
  readonly payloads: AsyncIterable<readonly Uint8Array[]>
  /** What was sent, and what it may count, tokens. */
  readonly request: InferenceRequest
  /** `sha256:…` of the model's weights, where the provider tells it. */
  readonly digest: string | null
  cancel(): void
}

export interface OrderTerms extends RequestOptions {
  /** When the whole answer is due, ms since 1970. */
  readonly until: number
  /** The order whose answer this one goes on with. */
  readonly continues?: CID
  /** The order is on its way: how its session will end. */
  readonly onOpened?: (outcome: Promise<SessionOutcome>) => unknown
}

const CONNECT_MS = 5_000

/** Buys one answer of one provider: signs the order, agrees on prices, and runs the session. */
export class Buyer {
  readonly #options: BuyerOptions
  readonly #recipients: RecipientCheck

  constructor(options: BuyerOptions) {
    const { networkName: network, isRevoked, now, onRefused } = options
    this.#options = options
    this.#recipients = new RecipientCheck({ context: { network }, isRevoked, now, onRefused })
  }

  /**
   * Orders, and resolves with the first token. When the authorization is at its end for the provider (revoked, or given
   * back), it is asked once more with another one.
   *
   * @throws {HanseError} why there was none
   */
  async order(
    matched: MatchedOffer<FetchedOffer>,
    request: InferenceRequest,
    terms: OrderTerms,
  ): Promise<Purchase> {
    for (let isAgain = false; ; isAgain = true) {
      const bidder = new Bidder(this.#options, matched, request, terms)
      try {
        return await this.#order(matched, request, terms, bidder)
      } catch (error) {
        const under = bidder.authorization
        if (!isAtEnd(error) || under === undefined) throw error
        const isRenewed = this.#options.authorizer.refused(under)
        if (isAgain || !isRenewed || terms.signal.aborted) throw error
      }
    }
  }

  async #order(
    matched: MatchedOffer<FetchedOffer>,
    request: InferenceRequest,
    terms: OrderTerms,
    bidder: Bidder,
  ): Promise<Purchase> {
    const client = await this.#open(matched, request, terms, bidder).catch((error: unknown) => {
      bidder.release()
      throw error
    })
    const { signal, onOpened } = terms
    onOpened?.(client.outcome)
    const cancel = () => client.cancel()
    void client.outcome.then((outcome) => {
      bidder.release()
      signal.removeEventListener('abort', cancel)
      this.#options.onEnd?.(outcome)
    })
    signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted) cancel()
    await client.started
    const { known, model } = matched
    const { inputPrice, outputPrice } = client.prices
    return {
      session: client.session,
      provider: known.offer.provider,
      country: known.offer.country,
      model: model.id,
      inputPrice,
      outputPrice,
      payloads: client.payloads,
      outcome: client.outcome,
      request,
      digest: model.digest,
      cancel,
    }
  }

  /** Sends the order. @throws {HanseError} nothing is owed then */
  async #open(
    matched: MatchedOffer<FetchedOffer>,
    request: InferenceRequest,
    { signal, trace }: OrderTerms,
    bidder: Bidder,
  ): Promise<SessionClient> {
    const { networkName, signer, store, settings, now, onReceipt } = this.#options
    const { known, model } = matched
    const first = await bidder.bid(model, null)
    store.putOffer(known.signed, known.signedAttestations)
    store.beginSession('consumer', first.order, first.authorization, now())
    const { secret, residency } = bidder
    const frames = await this.#connect(first, known, residency, signal)
    return new SessionClient(
      frames,
      {
        ...first,
        secret,
        prompt: request.body,
        ...(trace === undefined ? {} : { trace }),
        ...this.#tokenizer(model, request.body),
      },
      {
        context: { network: networkName, signer },
        store,
        now,
        onAccepted: (session) =>
          store.putOpening(session, {
            secret,
            request: settings.keepRequests ? request.body : undefined,
          }),
        decide: async ({ order: asked, quote }) => {
          const taken = bidder.takes(quote.value)
          this.#options.onQuote?.(asked.cid.toString(), quote.value, taken)
          return taken ? await bidder.bid(quote.value, quote.cid) : undefined
        },
        ...(onReceipt === undefined ? {} : { onReceipt }),
      },
    )
  }

  /** A stream to the provider, once the order is in the file. */
  async #connect(
    { order }: Bid,
    known: FetchedOffer,
    residency: Residency,
    signal: AbortSignal,
  ): Promise<FrameStream> {
    using deadline = new Deadline(CONNECT_MS, signal)
    const { network, store, settings, now } = this.#options
    const session = order.cid.toString()
    await store.committed()
    // Over a connection that there is, the order leaves in one piece with the stream's first frame.
    const { frames, remotePeer } = await network
      .openStream([...known.addresses], SESSION_PROTOCOL, { signal: deadline.signal })
      .catch((cause: unknown) => {
        store.endSession(session, 'provider-unreachable', now())
        const why = whyUnreached(cause, known.addresses)
        if (why !== undefined) this.#recipients.noteUnreached(known, why, residency)
        const message = `provider ${known.offer.provider} cannot be reached`
        throw new HanseError('HANSE_PROVIDER_UNREACHABLE', message, { cause })
      })
    try {
      const { trustedAttestors } = settings.residency
      this.#recipients.assertMayReceive(known, remotePeer, { ...residency, trustedAttestors })
    } catch (error) {
      frames.abort(new Error('not where the policy asks'))
      store.endSession(session, 'policy', now())
      throw error
    }
    if (!signal.aborted) return frames
    frames.abort(new Error('nobody waits for it'))
    store.endSession(session, 'cancelled', now())
    throw new HanseError('HANSE_SESSION_CANCELLED', 'nobody waits for the answer any more')
  }

  /** The same file counts the same tokens; what the tokenizer cannot read is left to the provider. */
  #tokenizer({ digest }: OfferedModel, body: Uint8Array): { tokenizer?: Tokenizer } {
    const found = this.#options.tokenizers?.find((tokenizer) => tokenizer.digest === digest)
    if (found === undefined) return {}
    try {
      const inputTokens = found.countInputTokens(body)
      return { tokenizer: { inputTokens, outputTokensMax: (text) => found.outputTokensMax(text) } }
    } catch (error) {
      if (error instanceof EngineError) return {}
      throw error
    }
  }
}

/** By its provider's word; another authorization of the same kind may do. */
const isAtEnd = (error: unknown): boolean =>
  error instanceof HanseError &&
  (error.code === 'HANSE_AUTHORIZATION_EXPIRED' || error.code === 'HANSE_AUTHORIZATION_EXHAUSTED')
