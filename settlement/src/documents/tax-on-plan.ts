import { taxCustomer } from '../billing/tax-on-payment.ts'
import type { SettlementContext } from '../context.ts'
import { splitAmount, type Tax, taxOf } from '../tax/index.ts'
import type { DocumentTax } from './document.ts'
import type { PaymentFacts } from './facts.ts'
import type { Seller } from './seller.ts'

/** Stripe rounds each line of its invoices. */
const ROUNDING_CENTS = 2n
/** Standard rates are halves of a percent at the finest. */
const RATE_STEP_BPS = 50n

/**
 * The VAT rule of a paid period of a plan. What was charged is Stripe's invoice, whose rate was set when the organization
 * subscribed: the rule as of the payment explains it, unless the organization has moved since.
 */
export async function taxOnPlan(
  { seller, store }: SettlementContext,
  facts: PaymentFacts,
): Promise<DocumentTax | null> {
  if (seller === undefined) return null
  const profile = await store.billingProfile(facts.organization)
  const customer = taxCustomer(profile, seller.country)
  const netCents = facts.cents - facts.vatCents
  const tax = taxOf({ seller, customer, supplyAt: facts.paidAt }, { netCents })
  if (explains(tax, facts)) return toDocumentTax(tax)
  // Nothing was charged where something would be due now: no invoice says so before somebody has looked at it.
  return facts.vatCents === 0n ? null : asCharged(facts, seller, customer.country)
}

function explains({ netCents, rateBps }: Tax, { vatCents }: PaymentFacts): boolean {
  const difference = splitAmount({ netCents }, rateBps).vatCents - vatCents
  return difference <= ROUNDING_CENTS && difference >= -ROUNDING_CENTS
}

function toDocumentTax({ category, rateBps, rule, state, note, evidence }: Tax): DocumentTax {
  const check = evidence.vatIdCheck
  const vatIdCheck = check && { at: check.at, consultation: check.consultation }
  return { category, rateBps, rule, state, note, vatIdCheck }
}

function asCharged(
  { cents, vatCents }: PaymentFacts,
  seller: Seller,
  customerCountry: string,
): DocumentTax {
  const netCents = cents - vatCents
  const exact = (vatCents * 10_000n + netCents / 2n) / netCents
  const rateBps = Number(((exact + RATE_STEP_BPS / 2n) / RATE_STEP_BPS) * RATE_STEP_BPS)
  const isHome = customerCountry === seller.country || seller.ossSince === null
  return {
    category: 'S',
    rateBps,
    rule: isHome ? 'domestic' : 'oss',
    state: isHome ? seller.country : customerCountry,
    note: null,
    vatIdCheck: null,
  }
}
