import { createHash } from 'node:crypto'

/** What another provider wants to be paid for a period. */
export interface Bill {
  readonly provider: string
  /** The number on it. */
  readonly reference: string
  /** ISO 4217. */
  readonly currency: string
  /** Whole days in UTC, milliseconds since 1970; the end is not included. */
  readonly periodStart: number
  readonly periodEnd: number
  readonly lines: readonly BillLine[]
}

export interface BillLine {
  /** As it is metered, in lower case; '' where the bill does not say. */
  readonly model: string
  readonly sku: string
  /** Decimal digits as they are printed: how many decimals there are says how it was rounded. */
  readonly amount: string
}

/** A provider's bills have some hundred lines; one that lists requests is usage. */
export const BILL_LINES_MAX = 5_000

/** One id for one bill, whoever sends it and however often. */
export const billId = (organization: string, { provider, reference }: Bill): string =>
  `bill_${hash([organization, provider, reference]).slice(0, 24)}`

/** Of all that is on it. */
export const billDigest = (bill: Bill): string =>
  hash([
    bill.currency,
    bill.periodStart,
    bill.periodEnd,
    bill.lines.map(({ model, sku, amount }) => [model, sku, amount]),
  ])

const hash = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex')
