import {
  amountOf,
  type Bid,
  commitPrompt,
  HanseError,
  type MatchedOffer,
  type OfferedModel,
  type Order,
  order,
  orderCostMax,
  type PicoEuro,
  type Prices,
  picoEuro,
  type Receipt,
  type ResidencyPolicy,
  SESSION_PROTOCOL,
  SESSION_SECRET_BYTES,
  type Signer,
  signRecord,
  smallestWindow,
  type Tokenizer,
} from '@hanse/protocol'
import type { CID } from 'multiformats/cid'
import { EngineError } from '../engine/engine.ts'
import type { ModelTokenizer } from '../engine/index.ts'
import type { Network } from '../network/index.ts'
import type { AnswerPart } from './answer.ts'
import type { Allowance, Authorizer } from './authorizer.ts'
import type { FetchedOffer } from './offer-directory.ts'
import type { InferenceRequest, RequestOptions, Reservation } from './request.ts'
import { residencyOf } from './routing/requirement.ts'
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

/** An order is answered within seconds; this leaves room for clocks that differ. */
const ORDER_VALID_MS = 2 * 60_000
/** Chat templates wrap each message in a few tokens. */
const TEMPLATE_TOKENS_MAX = 64
const CONNECT_MS = 5_000
/** Without a highest price, what a quote may ask above the offer: prices follow load and electricity, not whims. */
const QUOTE_RISE_MAX_PERCENT = 10n

/** Buys one answer of one provider: signs the order, agrees on prices, and runs the session. */
export class Buyer {
  readonly #options: BuyerOptions

  constructor(options: BuyerOptions) {
    this.#options = options
  }

  /**
   * Orders, and resolves with the first token.
   *
   * @throws {HanseError} why there was none; nothing is owed then
   */
  async order(
    { known, model }: MatchedOffer<FetchedOffer>,
    request: InferenceRequest,
    terms: OrderTerms,
  ): Promise<Purchase> {
    const { network, networkName, signer, store, settings, now, random, onReceipt } = this.#options
    const { offer } = known
    const { until, signal, account } = terms
    const residency = residencyOf(settings.residency, request.policy)
    if (residency === undefined)
      throw new HanseError(
        'HANSE_POLICY_RESIDENCY',
        'the request allows no region that this node does',
      )
    const context = { network: networkName, signer }
    const secret = random(SESSION_SECRET_BYTES)
    const tokens = {
      maxInputTokens: BigInt(
        Math.min(request.body.byteLength + TEMPLATE_TOKENS_MAX, model.contextLength),
      ),
      // At least one, as orders are: an embedding has none, and none are counted.
      maxOutputTokens: BigInt(
        Math.max(1, Math.min(request.maxOutputTokens ?? Infinity, model.maxOutputTokens)),
      ),
    }
    let allowance: Allowance | undefined
    let reservation: Reservation | undefined
    const release = () => {
      allowance?.release()
      reservation?.release()
      allowance = undefined
      reservation = undefined
    }
    /** Signs an order at these prices, within the budget and under an authorization that covers it. */
    const bid = async ({ inputPrice, outputPrice }: Prices, quote: CID | null): Promise<Bid> => {
      const prices = { inputPrice, outputPrice }
      release()
      const most = orderCostMax({ ...tokens, ...prices })
      reservation = account?.reserve(most)
      allowance = await this.#allow(known, most, until)
      const value: Order = {
        ...tokens,
        ...prices,
        consumer: signer.peerId,
        provider: offer.provider,
        offer: known.signed.cid,
        model: model.id,
        authorization: allowance?.authorization.cid ?? null,
        residency,
        promptCommitment: commitPrompt(secret, request.body),
        receiptEvery: settings.receiptEvery,
        creditWindow: this.#creditWindow(tokens.maxInputTokens, prices),
        deadlineMs: Math.max(1, until - now()),
        issuedAt: now(),
        notAfter: now() + ORDER_VALID_MS,
        nonce: random(16),
        quote,
        continues: terms.continues ?? null,
      }
      const signed = signRecord(context, order, value, 'consumer', signer)
      reservation?.begin(signed.cid.toString())
      return {
        order: signed,
        authorization: allowance?.authorization ?? null,
        remaining: allowance?.remaining,
      }
    }
    let client: SessionClient
    try {
      const first = await bid(model, null)
      store.putOffer(known.signed, known.signedAttestations)
      store.beginSession('consumer', first.order, first.authorization, now())
      // The order is in the file before it leaves.
      const written = store.committed()
      const opening = network
        .openStream([...known.addresses], SESSION_PROTOCOL, {
          signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]),
        })
        .catch((cause: unknown) => {
          store.endSession(first.order.cid.toString(), 'provider-unreachable', now())
          throw new HanseError(
            'HANSE_PROVIDER_UNREACHABLE',
            `provider ${offer.provider} cannot be reached`,
            { cause },
          )
        })
      const [{ frames }] = await Promise.all([opening, written])
      if (signal.aborted) {
        frames.abort(new Error('nobody waits for it'))
        store.endSession(first.order.cid.toString(), 'cancelled', now())
        throw new HanseError('HANSE_SESSION_CANCELLED', 'nobody waits for the answer any more')
      }
      client = new SessionClient(
        frames,
        {
          ...first,
          secret,
          prompt: request.body,
          ...(terms.trace === undefined ? {} : { trace: terms.trace }),
          ...this.#tokenizer(model, request.body),
        },
        {
          context,
          store,
          now,
          onAccepted: (session) =>
            store.putOpening(session, {
              secret,
              request: settings.keepRequests ? request.body : undefined,
            }),
          decide: async ({ order: asked, quote }) => {
            const taken = this.#isAcceptable(quote.value, model, request)
            this.#options.onQuote?.(asked.cid.toString(), quote.value, taken)
            return taken ? await bid(quote.value, quote.cid) : undefined
          },
          ...(onReceipt === undefined ? {} : { onReceipt }),
        },
      )
    } catch (error) {
      release()
      throw error
    }
    terms.onOpened?.(client.outcome)
    void client.outcome.then((outcome) => {
      release()
      this.#options.onEnd?.(outcome)
    })
    const cancel = () => client.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    void client.outcome.then(() => signal.removeEventListener('abort', cancel))
    if (signal.aborted) cancel()
    await client.started
    const { inputPrice, outputPrice } = client.prices
    return {
      session: client.session,
      provider: offer.provider,
      country: offer.country,
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

  /** Up to the highest acceptable price where one is set; else a little above what was offered, never a bait. */
  #isAcceptable(asked: Prices, offered: Prices, { policy }: InferenceRequest): boolean {
    const { settings } = this.#options
    const most = (
      price: PicoEuro,
      ...limits: readonly (PicoEuro | undefined)[]
    ): PicoEuro | bigint => {
      const set = limits.filter((limit) => limit !== undefined)
      if (set.length === 0) return price + (price * QUOTE_RISE_MAX_PERCENT) / 100n
      return set.reduce((a, b) => (a < b ? a : b))
    }
    return (
      asked.inputPrice <= most(offered.inputPrice, settings.maxInputPrice, policy.maxInputPrice) &&
      asked.outputPrice <= most(offered.outputPrice, settings.maxOutputPrice, policy.maxOutputPrice)
    )
  }

  async #allow(
    { offer }: FetchedOffer,
    cost: PicoEuro,
    until: number,
  ): Promise<Allowance | undefined> {
    if (cost <= offer.unsecuredCredit) return undefined
    const { authorizer } = this.#options
    return await authorizer.take(offer.provider, cost, offer.minAuthorization, until)
  }

  /** Two receipts' worth beyond the prompt, so that tokens flow while a countersignature travels. */
  #creditWindow(inputTokens: bigint, { inputPrice, outputPrice }: Prices): PicoEuro {
    const { receiptEvery, creditWindowMax } = this.#options.settings
    const input = amountOf(inputTokens, inputPrice)
    const least = smallestWindow(input, outputPrice)
    const wanted = picoEuro(input + amountOf(2n * receiptEvery, outputPrice))
    const most = wanted < creditWindowMax ? wanted : creditWindowMax
    return picoEuro(most > least ? most : least)
  }
}
