import {
  authorizationSigners,
  type SpendAuthorization,
  spendAuthorization,
} from '../authorization/authorization.ts'
import { HanseError } from '../errors.ts'
import { findModel, type Offer, type OfferedModel } from '../market/offer.ts'
import { amountOf, type PicoEuro, picoEuro } from '../money.ts'
import { priceTokens } from '../receipt/receipt.ts'
import { AMOUNT_MAX } from '../record/fields.ts'
import type { Named } from '../record/record.ts'
import { openSigned, type SignedRecord, type SigningContext } from '../record/signed.ts'
import type { EvidenceKind } from '../region/attestation.ts'
import { type Residency, whereaboutsFault } from '../region/policy.ts'
import { smallestWindow } from './credit-window.ts'
import type { Order, Quote } from './records.ts'
import { isAtQuote } from './rounds.ts'

/** Clocks of honest peers differ by less than this. */
export const CLOCK_SKEW_MS = 60_000

/** What a provider knows when it looks at an order. */
export interface ReviewFacts {
  readonly now: number
  readonly provider: string
  /** The offer that the order cites, when this provider made it. */
  readonly offer: Offer | undefined
  /** The quote that the order answers; takes the place of the offer's prices. */
  readonly quote?: Quote | undefined
  readonly evidenceLevel: number
  /** What that evidence is; nothing when absent. */
  readonly evidenceKinds?: ReadonlySet<EvidenceKind>
  /** Whether this very order was seen before. */
  readonly replayed: boolean
  readonly draining: boolean
  /** Settlement services whose authorizations this provider honours. */
  readonly trustedIssuers: readonly string[]
  /** The largest credit window this provider grants, pico-euro. */
  readonly creditWindowMax: PicoEuro
}

/** The most that a session under this order can cost, pico-euro. */
export function orderCostMax(
  order: Pick<Order, 'maxInputTokens' | 'maxOutputTokens' | 'inputPrice' | 'outputPrice'>,
): PicoEuro {
  return priceTokens(order, {
    inputTokens: order.maxInputTokens,
    outputTokens: order.maxOutputTokens,
  })
}

/**
 * Everything about an order that can be judged without the prompt: expiry, prices, limits, residency.
 *
 * @throws {HanseError} the code becomes that of the Rejection
 */
export function reviewOrder(order: Order, facts: ReviewFacts): OfferedModel {
  const { now, offer } = facts
  if (facts.draining) throw new HanseError('HANSE_DRAINING', 'the provider is shutting down')
  if (order.provider !== facts.provider) {
    throw new HanseError('HANSE_ORDER_WRONG_PROVIDER', `the order names ${order.provider}`)
  }
  if (order.notAfter <= now - CLOCK_SKEW_MS || order.issuedAt > now + CLOCK_SKEW_MS) {
    throw new HanseError('HANSE_ORDER_EXPIRED', 'the order is not valid at this time')
  }
  if (facts.replayed) throw new HanseError('HANSE_ORDER_REPLAYED', 'the order was seen before')
  if (offer === undefined || offer.notAfter <= now) {
    throw new HanseError('HANSE_ORDER_OFFER_UNKNOWN', 'the order cites no current offer')
  }
  const model = findModel(offer, order.model)
  if (model === undefined)
    throw new HanseError('HANSE_MODEL_UNKNOWN', `${order.model} is not offered`)
  if (order.maxOutputTokens < 1n || order.maxOutputTokens > BigInt(model.maxOutputTokens)) {
    throw new HanseError(
      'HANSE_ORDER_LIMITS',
      `between 1 and ${model.maxOutputTokens} output tokens`,
    )
  }
  if (orderCostMax(order) > AMOUNT_MAX) {
    throw new HanseError('HANSE_ORDER_LIMITS', 'no receipt can hold what the order may cost')
  }
  reviewResidency(order.residency, { ...facts, country: offer.country })
  if (order.creditWindow > facts.creditWindowMax) {
    throw new HanseError(
      'HANSE_ORDER_LIMITS',
      `a credit window of at most ${facts.creditWindowMax} pEUR`,
    )
  }
  // Last, for this one is no refusal: it may be answered with a quote.
  if (order.quote !== null && facts.quote === undefined) {
    throw new HanseError('HANSE_ORDER_QUOTE', 'the order cites a quote of another session')
  }
  if (!isAtQuote(order, facts.quote ?? model)) {
    throw new HanseError('HANSE_ORDER_PRICE', 'the order is below the asked prices')
  }
  return model
}

/** What a provider can show of where it is. */
export interface OwnPlace extends Pick<ReviewFacts, 'evidenceLevel' | 'evidenceKinds'> {
  readonly country: string
}

/**
 * The provider's own check that it may see a prompt at all.
 *
 * @param whose of what document the policy is, in words
 * @throws {HanseError} HANSE_POLICY_RESIDENCY
 */
export function reviewResidency(
  policy: Residency,
  { country, evidenceLevel: level, evidenceKinds: kinds = NO_KINDS }: OwnPlace,
  whose = 'the order',
): void {
  const fault = whereaboutsFault({ country, level, kinds }, policy)
  if (fault === undefined) return
  const lacks = fault.reason === 'evidence-kind' ? ` without ${fault.missing.join(', ')}` : ''
  throw new HanseError(
    'HANSE_POLICY_RESIDENCY',
    `${country} at level ${level}${lacks} does not satisfy ${whose}`,
  )
}

const NO_KINDS: ReadonlySet<EvidenceKind> = new Set()

/** What the input will cost at most, and whether the credit window can carry it. @throws {HanseError} */
export function reviewInput(order: Order, inputTokens: bigint): void {
  if (inputTokens > order.maxInputTokens) {
    throw new HanseError(
      'HANSE_ORDER_LIMITS',
      `${inputTokens} input tokens, the order allows ${order.maxInputTokens}`,
    )
  }
  const inputCost = amountOf(inputTokens, order.inputPrice)
  if (order.creditWindow < smallestWindow(inputCost, order.outputPrice)) {
    throw new HanseError('HANSE_ORDER_WINDOW_TOO_SMALL', `the prompt alone costs ${inputCost} pEUR`)
  }
}

/**
 * Opens the authorization that an order cites, or accepts that none is needed.
 *
 * @returns what the session may still cost: `reserve` it until the session ends
 * @throws {HanseError} HANSE_AUTHORIZATION_*; HANSE_POLICY_RESIDENCY, for it may ask for more than the order does
 */
export function reviewAuthorization(
  context: SigningContext,
  order: Order,
  signed: SignedRecord | null,
  facts: { now: number; offer: Offer; trustedIssuers: readonly string[] } & Pick<
    ReviewFacts,
    'evidenceLevel' | 'evidenceKinds'
  >,
): Named<SpendAuthorization> | undefined {
  if (order.authorization === null || signed === null) {
    const owed = orderCostMax(order)
    if (order.authorization === null && owed <= facts.offer.unsecuredCredit) return undefined
    throw new HanseError('HANSE_AUTHORIZATION_REQUIRED', `up to ${owed} pEUR need an authorization`)
  }
  let opened: Named<SpendAuthorization>
  try {
    opened = openSigned(context, spendAuthorization, signed, authorizationSigners)
  } catch (cause) {
    throw new HanseError('HANSE_AUTHORIZATION_INVALID', 'the authorization does not verify', {
      cause,
    })
  }
  const { issuer, consumer, provider, notAfter, limit } = opened.value
  if (
    !opened.cid.equals(order.authorization) ||
    consumer !== order.consumer ||
    provider !== order.provider
  ) {
    throw new HanseError('HANSE_AUTHORIZATION_INVALID', 'the authorization is for other peers')
  }
  if (!facts.trustedIssuers.includes(issuer)) {
    throw new HanseError('HANSE_AUTHORIZATION_INVALID', `issuer ${issuer} is not trusted here`)
  }
  // It must outlive the session, or its receipts would come too late.
  if (notAfter < facts.now + order.deadlineMs) {
    throw new HanseError(
      'HANSE_AUTHORIZATION_EXPIRED',
      'the authorization ends before the deadline',
    )
  }
  if (limit < facts.offer.minAuthorization) {
    throw new HanseError(
      'HANSE_AUTHORIZATION_INVALID',
      `below the offer's minimum of ${facts.offer.minAuthorization} pEUR`,
    )
  }
  const { residency } = opened.value
  if (residency !== undefined)
    reviewResidency(residency, { ...facts, country: facts.offer.country }, 'the authorization')
  return opened
}

/** Whether `spent` (of all sessions, running ones at their most) leaves room for one more. @throws {HanseError} */
export function reviewRemaining(limit: PicoEuro, spent: PicoEuro, cost: PicoEuro): void {
  if (spent + cost > limit) {
    const left = picoEuro(limit - spent)
    throw new HanseError(
      'HANSE_AUTHORIZATION_EXHAUSTED',
      `${left} pEUR are left, the session may cost ${cost}`,
    )
  }
}
