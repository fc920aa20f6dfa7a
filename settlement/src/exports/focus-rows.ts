import type { DocumentContent } from '../documents/document.ts'
import { decimalCents, decimalPico } from '../documents/render/figures.ts'
import type { FocusColumn, FocusRow } from './focus-columns.ts'
import { focusTags } from './focus-tags.ts'

/** Whose costs they are, and who sends the invoices. */
export interface FocusParties {
  readonly organization: string
  readonly organizationName: string
  readonly operatorName: string
}

/** What one who spends used of one model at one provider in one day. Money is pico-euro. */
export interface DayUsage {
  /** The day's first instant, milliseconds since 1970. */
  readonly day: number
  readonly model: string
  /** Peer id. */
  readonly provider: string
  /** ISO 3166-1 alpha-2, or empty. */
  readonly country: string
  /** Number of who spent; 0 where nobody is known. */
  readonly spender: bigint
  readonly tags: readonly string[]
  readonly sessions: bigint
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  readonly amount: bigint
}

const DAY_MS = 86_400_000

/** Usage is paid out of a balance that was invoiced when it was topped up: it costs, and is not billed once more. */
export function usageRow(parties: FocusParties, usage: DayUsage): FocusRow {
  const { day, model, provider, country } = usage
  const cost = decimalPico(usage.amount)
  const tokens = (usage.inputTokens + usage.outputTokens).toString()
  return {
    ...common(parties, day),
    BilledCost: '0.00',
    EffectiveCost: cost,
    ContractedCost: cost,
    ListCost: cost,
    ChargeCategory: 'Usage',
    ChargeDescription: `Inference with ${model}`,
    ChargeFrequency: 'Usage-Based',
    ConsumedQuantity: tokens,
    ConsumedUnit: 'Tokens',
    PricingQuantity: tokens,
    PricingUnit: 'Tokens',
    // A price is what a provider asked for at that moment.
    PricingCategory: 'Dynamic',
    HostProviderName: provider,
    PublisherName: provider,
    RegionId: country === '' ? null : country,
    RegionName: country === '' ? null : (regionNames.of(country) ?? country),
    SkuId: model,
    SkuMeter: 'Tokens',
    SkuPriceId: model,
    Tags: focusTags(usage.tags),
    x_Sessions: usage.sessions.toString(),
    x_InputTokens: usage.inputTokens.toString(),
    x_CachedInputTokens: usage.cachedInputTokens.toString(),
    x_OutputTokens: usage.outputTokens.toString(),
  }
}

/** An invoice or a credit note: what was paid in advance, and its VAT. Together they are what the document asks for. */
export function documentRows(parties: FocusParties, content: DocumentContent): FocusRow[] {
  const { kind, number, taxPoint, totals, seller, lines } = content
  const isCredit = kind === 'credit-note'
  const signed = (cents: bigint) => decimalCents(isCredit ? -cents : cents)
  const isPlan = lines.some(({ label }) => label === 'subscription')
  const day = Math.floor(taxPoint / DAY_MS) * DAY_MS
  const document = {
    ...common({ ...parties, operatorName: seller.name }, day),
    InvoiceId: number,
    ChargeClass: isCredit ? 'Correction' : null,
    ChargeFrequency: isPlan ? 'Recurring' : 'One-Time',
  }
  const purchase: FocusRow = {
    ...document,
    BilledCost: signed(totals.netCents),
    // It becomes a cost when it is used.
    EffectiveCost: '0.00',
    ContractedCost: signed(totals.netCents),
    ListCost: signed(totals.netCents),
    ChargeCategory: 'Purchase',
    ChargeDescription: isCredit ? 'Refund of prepaid balance' : 'Prepaid balance',
    PricingCategory: 'Standard',
    PricingQuantity: isCredit ? null : '1',
    PricingUnit: isCredit ? null : 'Units',
    SkuId: isPlan ? 'plan' : 'prepaid-balance',
    SkuPriceId: isPlan ? 'plan' : 'prepaid-balance',
  }
  if (totals.vatCents === 0n) return [purchase]
  const vat = signed(totals.vatCents)
  const tax: FocusRow = {
    ...document,
    BilledCost: vat,
    EffectiveCost: vat,
    ContractedCost: vat,
    ListCost: vat,
    ChargeCategory: 'Tax',
    ChargeDescription: 'VAT',
  }
  return [purchase, tax]
}

const NOTHING = {
  ChargeClass: null,
  ConsumedQuantity: null,
  ConsumedUnit: null,
  HostProviderName: null,
  InvoiceId: null,
  PricingCategory: null,
  PricingQuantity: null,
  PricingUnit: null,
  RegionId: null,
  RegionName: null,
  SkuId: null,
  SkuMeter: null,
  SkuPriceId: null,
  x_CachedInputTokens: null,
  x_InputTokens: null,
  x_OutputTokens: null,
  x_Sessions: null,
} as const satisfies Partial<Record<FocusColumn, null>>

/** What every row of a day has. */
function common({ organization, organizationName, operatorName }: FocusParties, day: number) {
  const month = new Date(day)
  return {
    ...NOTHING,
    BillingAccountId: organization,
    BillingAccountName: organizationName,
    BillingAccountType: 'Organization',
    BillingCurrency: 'EUR',
    BillingPeriodStart: iso(Date.UTC(month.getUTCFullYear(), month.getUTCMonth())),
    BillingPeriodEnd: iso(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1)),
    ChargePeriodStart: iso(day),
    ChargePeriodEnd: iso(day + DAY_MS),
    InvoiceIssuerName: operatorName,
    PricingCurrency: 'EUR',
    ProviderName: operatorName,
    PublisherName: operatorName,
    ServiceProviderName: operatorName,
    ServiceCategory: 'AI and Machine Learning',
    ServiceSubcategory: 'Generative AI',
    ServiceName: 'Hanse inference',
    Tags: '{}',
  }
}

/** The specification's form of a time: whole seconds, UTC. */
const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`
const regionNames = new Intl.DisplayNames('en', { type: 'region' })
