/** What stands behind each level of evidence of location, weakest first. */
const meanings = [
  'No attestation that this gateway trusts',
  'The provider says so',
  'The observed address, looked up in a data set',
  'The country of a payout account that Stripe verified',
  'A person checked documents',
] as const

export const evidenceLevelMax = meanings.length - 1

export function evidenceMeaning(level: number): string {
  return meanings[level] ?? 'Not a level this page knows'
}
