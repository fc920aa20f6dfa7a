/**
 * Columns of the FinOps Open Cost and Usage Specification that an export has: the mandatory ones of version 1.2, those of its
 * conditional ones that have a meaning here, and two of 1.3 that take the place of ProviderName and PublisherName. What is
 * ours alone begins with `x_`, as the specification wants it.
 */
export const FOCUS_COLUMNS = [
  'BilledCost',
  'BillingAccountId',
  'BillingAccountName',
  'BillingAccountType',
  'BillingCurrency',
  'BillingPeriodEnd',
  'BillingPeriodStart',
  'ChargeCategory',
  'ChargeClass',
  'ChargeDescription',
  'ChargeFrequency',
  'ChargePeriodEnd',
  'ChargePeriodStart',
  'ConsumedQuantity',
  'ConsumedUnit',
  'ContractedCost',
  'EffectiveCost',
  'HostProviderName',
  'InvoiceId',
  'InvoiceIssuerName',
  'ListCost',
  'PricingCategory',
  'PricingCurrency',
  'PricingQuantity',
  'PricingUnit',
  'ProviderName',
  'PublisherName',
  'RegionId',
  'RegionName',
  'ServiceCategory',
  'ServiceName',
  'ServiceProviderName',
  'ServiceSubcategory',
  'SkuId',
  'SkuMeter',
  'SkuPriceId',
  'Tags',
  'x_CachedInputTokens',
  'x_InputTokens',
  'x_OutputTokens',
  'x_Sessions',
] as const
export type FocusColumn = (typeof FOCUS_COLUMNS)[number]

/** null is empty in CSV, and null in JSON. */
export type FocusRow = Readonly<Record<FocusColumn, string | null>>
