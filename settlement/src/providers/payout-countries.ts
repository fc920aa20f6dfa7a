/**
 * Where a platform in the EEA can send transfers of separate charges: the EEA without Iceland, Switzerland, the United
 * Kingdom, the United States and Canada (docs.stripe.com/connect/cross-border-payouts and
 * docs.stripe.com/connect/separate-charges-and-transfers).
 */
export const PAYOUT_COUNTRIES: readonly string[] =
  'AT BE BG CA CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LI LT LU LV MT NL NO PL PT RO SE SI SK US'.split(
    ' ',
  )
