import { type Location, type LocationEvidence, locationOf } from './location.ts'
import { standardRateBps } from './rates.ts'
import { type SplitAmount, splitAmount, type TaxableAmount } from './split-amount.ts'
import { type EuState, type VatPlace, vatPlaceOf } from './territories.ts'
import { isVatIdOf, normalVatId } from './vat-id.ts'
import { CHECK_AGE_MS_MAX, type VatIdCheck } from './vat-id-checker.ts'

/** The operator, who is established in one member state. */
export interface TaxSeller {
  /** ISO 3166-1 alpha-2, of the Union. */
  readonly country: EuState
  /**
   * Since when the seller declares in the one-stop shop, milliseconds since 1970; null below the threshold of Art. 59c
   * (EUR 10,000 a year over all other states), where consumers elsewhere are taxed as at home.
   */
  readonly ossSince: number | null
}

export interface TaxCustomer {
  readonly kind: 'business' | 'consumer'
  /** Of the billing address, ISO 3166-1 alpha-2. */
  readonly country: string
  readonly postalCode?: string
  readonly vatId?: string
  readonly vatIdCheck?: VatIdCheck
  readonly evidence: readonly LocationEvidence[]
}

export interface Supply {
  readonly seller: TaxSeller
  readonly customer: TaxCustomer
  /** The tax point: when an advance is paid (Art. 65), milliseconds since 1970. */
  readonly supplyAt: number
}

/** `domestic`: the seller's rate. `oss`: the consumer's. `rc_eu`: the customer accounts for it. `export`: outside the Union. */
export type TaxRule = 'domestic' | 'rc_eu' | 'oss' | 'export'
/** EN 16931: standard rate, reverse charge, outside the scope of the tax. */
export type TaxCategory = 'S' | 'AE' | 'O'

/** What shows that the rule holds; kept with the document. */
export interface TaxEvidence {
  readonly location: Location
  readonly vatIdCheck: VatIdCheck | null
}

export interface Tax extends SplitAmount {
  readonly rule: TaxRule
  readonly category: TaxCategory
  readonly rateBps: number
  /** Where it is taxed; null where the supply is outside the Union. */
  readonly state: EuState | null
  /** What the invoice has to say; null where a rate says it all. */
  readonly note: string | null
  readonly evidence: TaxEvidence
}

/** EN 16931 wants the reason of a zero, and the Directive (Art. 226(11a)) these words. */
const NOTES = {
  rc_eu: 'Reverse charge',
  export: 'Not subject to EU VAT: place of supply outside the European Union',
} as const

/**
 * Which VAT a supply of electronic services carries: Art. 44 and 196 (businesses), 58 and 59c (consumers) of Directive
 * 2006/112/EC. A business without a confirmed VAT id is taxed as a consumer (Art. 18 of Regulation 282/2011), and a
 * consumer who is said to be outside the Union, but not shown to be, as one at home.
 *
 * @throws {RangeError} when the amount is negative, or the supply was before 2024
 */
export function taxOf(supply: Supply, amount: TaxableAmount): Tax {
  const { seller, customer, supplyAt } = supply
  const evidence = evidenceOf(customer, supplyAt)
  const { rule, where } = ruleOf(seller, customer, evidence, supplyAt)
  const rateBps = rule === 'domestic' || rule === 'oss' ? rateOf(where, supplyAt) : 0
  return {
    ...splitAmount(amount, rateBps),
    rule,
    category: rule === 'rc_eu' ? 'AE' : rule === 'export' ? 'O' : 'S',
    rateBps,
    state: where.state,
    note: rule === 'rc_eu' || rule === 'export' ? NOTES[rule] : null,
    evidence,
  }
}

function evidenceOf(customer: TaxCustomer, at: number): TaxEvidence {
  const location = locationOf(customer, customer.evidence)
  const { vatId, vatIdCheck } = customer
  const confirmed =
    customer.kind === 'business' &&
    vatId !== undefined &&
    vatIdCheck !== undefined &&
    isConfirmed(normalVatId(vatId), vatIdCheck, customer, at)
  return { location, vatIdCheck: confirmed ? vatIdCheck : null }
}

/** A number of the customer's own state that somebody looked up, not too long ago. */
function isConfirmed(vatId: string, check: VatIdCheck, customer: TaxCustomer, at: number): boolean {
  const { state } = vatPlaceOf(customer.country, customer.postalCode)
  if (state === null || !isVatIdOf(state, vatId)) return false
  return check.valid && check.vatId === vatId && at - check.at <= CHECK_AGE_MS_MAX
}

interface Ruling {
  readonly rule: TaxRule
  readonly where: VatPlace
}

function ruleOf(
  seller: TaxSeller,
  customer: TaxCustomer,
  { location, vatIdCheck }: TaxEvidence,
  at: number,
): Ruling {
  const home = vatPlaceOf(seller.country)
  if (customer.kind === 'business') {
    const where = vatPlaceOf(customer.country, customer.postalCode)
    if (where.state === null) return { rule: 'export', where }
    if (where.state === home.state) return { rule: 'domestic', where: home }
    if (vatIdCheck !== null) return { rule: 'rc_eu', where }
  }
  const { place, proven } = location
  if (place.state === null) return proven ? { rule: 'export', where: place } : atHome(home)
  if (place.state === home.state) return { rule: 'domestic', where: place }
  const isOss = seller.ossSince !== null && at >= seller.ossSince
  return isOss ? { rule: 'oss', where: place } : atHome(home)
}

const atHome = (where: VatPlace): Ruling => ({ rule: 'domestic', where })

function rateOf({ state, region }: VatPlace, at: number): number {
  if (state === null) throw new RangeError('no rate outside the Union')
  return standardRateBps(region ?? state, at)
}
