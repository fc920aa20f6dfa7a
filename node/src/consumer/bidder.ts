import {
  amountOf,
  type Bid,
  commitPrompt,
  HanseError,
  type MatchedOffer,
  type Order,
  order,
  orderCostMax,
  type PicoEuro,
  type Prices,
  picoEuro,
  type Residency,
  SESSION_SECRET_BYTES,
  signRecord,
  smallestWindow,
} from '@hanse/protocol'
import type { CID } from 'multiformats/cid'
import type { Allowance } from './authorizer.ts'
import type { BuyerOptions, OrderTerms } from './buyer.ts'
import type { FetchedOffer } from './offer-directory.ts'
import type { InferenceRequest, Reservation } from './request.ts'
import { residencyOf } from './routing/requirement.ts'

/** An order is answered within seconds; this leaves room for clocks that differ. */
const ORDER_VALID_MS = 2 * 60_000
/** Chat templates wrap each message in a few tokens. */
const TEMPLATE_TOKENS_MAX = 64
/** Without a highest price, what a quote may ask above the offer: prices follow load and electricity, not whims. */
const QUOTE_RISE_MAX_PERCENT = 10n

/** Signs the orders of one session: the first one, and one for each quote that is taken. */
export class Bidder {
  /** Of the session's commitments. */
  readonly secret: Uint8Array
  readonly #options: BuyerOptions
  readonly #matched: MatchedOffer<FetchedOffer>
  readonly #request: InferenceRequest
  readonly #terms: OrderTerms
  readonly #residency: Residency
  #allowance: Allowance | undefined
  #authorization: Allowance['authorization'] | undefined
  #reservation: Reservation | undefined
  #isOver = false

  /** @throws {HanseError} HANSE_POLICY_RESIDENCY when the request allows nothing that the node does */
  constructor(
    options: BuyerOptions,
    matched: MatchedOffer<FetchedOffer>,
    request: InferenceRequest,
    terms: OrderTerms,
  ) {
    const residency = residencyOf(options.settings.residency, request.policy)
    if (residency === undefined)
      throw new HanseError(
        'HANSE_POLICY_RESIDENCY',
        'the request allows no region that this node does',
      )
    this.secret = options.random(SESSION_SECRET_BYTES)
    this.#options = options
    this.#matched = matched
    this.#request = request
    this.#terms = terms
    this.#residency = residency
  }

  /** An order at these prices, within the budget and under an authorization that covers it. */
  async bid(prices: Prices, quote: CID | null): Promise<Bid> {
    this.#free()
    this.#authorization = undefined
    const { inputPrice, outputPrice } = prices
    const limits = { ...this.#tokensMax(), inputPrice, outputPrice }
    const most = orderCostMax(limits)
    this.#reservation = this.#terms.account?.reserve(most, this.#matched.model.id)
    const allowance = await this.#allow(most)
    this.#allowance = allowance
    this.#authorization = allowance?.authorization
    // Nobody releases what is set aside after the end.
    if (this.#isOver) this.#free()
    const { networkName, signer } = this.#options
    const context = { network: networkName, signer }
    const value = this.#order(limits, allowance, quote)
    const signed = signRecord(context, order, value, 'consumer', signer)
    this.#reservation?.begin(signed.cid.toString())
    return {
      order: signed,
      authorization: allowance?.authorization ?? null,
      remaining: allowance?.remaining,
    }
  }

  /** Up to the highest acceptable price where one is set; else a little above what was offered, never a bait. */
  takes(asked: Prices): boolean {
    const { settings } = this.#options
    const { policy } = this.#request
    const offered = this.#matched.model
    return (
      asked.inputPrice <=
        acceptable(offered.inputPrice, settings.maxInputPrice, policy.maxInputPrice) &&
      asked.outputPrice <=
        acceptable(offered.outputPrice, settings.maxOutputPrice, policy.maxOutputPrice)
    )
  }

  /** What this session asks of where its prompt is processed. */
  get residency(): Residency {
    return this.#residency
  }

  /** That of the last order; `undefined` for one on credit. */
  get authorization(): Allowance['authorization'] | undefined {
    return this.#authorization
  }

  /** The session is over, or never began: what was set aside for it is free again. */
  release(): void {
    this.#isOver = true
    this.#free()
  }

  #order(
    limits: Pick<Order, 'maxInputTokens' | 'maxOutputTokens' | 'inputPrice' | 'outputPrice'>,
    allowance: Allowance | undefined,
    quote: CID | null,
  ): Order {
    const { signer, settings, now, random } = this.#options
    const { known, model } = this.#matched
    const { until, continues } = this.#terms
    return {
      ...limits,
      consumer: signer.peerId,
      provider: known.offer.provider,
      offer: known.signed.cid,
      model: model.id,
      authorization: allowance?.authorization.cid ?? null,
      residency: this.#residency,
      promptCommitment: commitPrompt(this.secret, this.#request.body),
      receiptEvery: settings.receiptEvery,
      creditWindow: this.#creditWindow(limits.maxInputTokens, limits),
      deadlineMs: Math.max(1, until - now()),
      issuedAt: now(),
      notAfter: now() + ORDER_VALID_MS,
      nonce: random(16),
      quote,
      continues: continues ?? null,
    }
  }

  #tokensMax(): Pick<Order, 'maxInputTokens' | 'maxOutputTokens'> {
    const { body, maxOutputTokens = Infinity } = this.#request
    const { model } = this.#matched
    const input = Math.min(body.byteLength + TEMPLATE_TOKENS_MAX, model.contextLength)
    // At least one, as orders are: an embedding has none, and none are counted.
    const output = Math.max(1, Math.min(maxOutputTokens, model.maxOutputTokens))
    return { maxInputTokens: BigInt(input), maxOutputTokens: BigInt(output) }
  }

  async #allow(cost: PicoEuro): Promise<Allowance | undefined> {
    const { provider, unsecuredCredit, minAuthorization } = this.#matched.known.offer
    if (cost <= unsecuredCredit) return undefined
    const { authorizer } = this.#options
    return await authorizer.take(provider, cost, minAuthorization, this.#terms.until)
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

  #free(): void {
    this.#allowance?.release()
    this.#reservation?.release()
    this.#allowance = undefined
    this.#reservation = undefined
  }
}

function acceptable(offered: PicoEuro, ...limits: readonly (PicoEuro | undefined)[]): bigint {
  const set = limits.filter((limit) => limit !== undefined)
  if (set.length === 0) return offered + (offered * QUOTE_RISE_MAX_PERCENT) / 100n
  return set.reduce((a, b) => (a < b ? a : b))
}
