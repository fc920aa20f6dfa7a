import type { SettlementContext } from '../context.ts'
import { type TaxableAmount, type TaxCustomer, taxOf } from '../tax/index.ts'
import type { BillingProfile } from './profile.ts'

export interface PaymentTax {
  readonly vatCents: bigint
  /** The rule and what shows that it holds, as JSON; nothing personal. Null where the operator charges no VAT. */
  readonly tax: string | null
}

/**
 * The VAT in what an organization pays in advance, which is due when it pays (Art. 65 of Directive 2006/112/EC). Who says
 * nothing of himself is taxed as a consumer at home.
 */
export async function taxOnPayment(
  context: SettlementContext,
  organization: string,
  amount: TaxableAmount,
): Promise<PaymentTax> {
  const { seller, now, store } = context
  if (seller === undefined) return { vatCents: 0n, tax: null }
  const profile = await store.billingProfile(organization)
  const supply = { seller, customer: taxCustomer(profile, seller.country), supplyAt: now() }
  const { rule, category, rateBps, state, note, vatCents, evidence } = taxOf(supply, amount)
  const { location, vatIdCheck } = evidence
  const tax = {
    rule,
    category,
    rateBps,
    state,
    note,
    at: now(),
    profile: profile?.version ?? 0,
    evidence: location.matching.map(({ kind, country, at }) => ({ kind, country, at })),
    vatIdCheck: vatIdCheck && { at: vatIdCheck.at, consultation: vatIdCheck.consultation },
  }
  return { vatCents, tax: JSON.stringify(tax) }
}

export function taxCustomer(profile: BillingProfile | undefined, home: string): TaxCustomer {
  if (profile === undefined) return { kind: 'consumer', country: home, evidence: [] }
  const { kind, country, postalCode, vatId, vatIdCheck, updatedAt } = profile
  return {
    kind,
    country,
    postalCode,
    ...(vatId !== undefined && { vatId }),
    ...(vatIdCheck !== undefined && { vatIdCheck }),
    evidence: [{ kind: 'billing_address', country, at: updatedAt }],
  }
}
