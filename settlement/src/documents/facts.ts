// What the records say that a document is made of, as plain data.

/** A payment that was credited; every amount in cents. */
export interface PaymentFacts {
  readonly source: 'top-up' | 'subscription'
  readonly id: string
  readonly organization: string
  /** Gross, and the VAT within it. */
  readonly cents: bigint
  readonly vatCents: bigint
  /** See `writeTax`; null where nothing was decided when it was paid. */
  readonly tax: string | null
  /** Stripe's id of the payment. */
  readonly reference: string | null
  /** Milliseconds since 1970. */
  readonly paidAt: number
  readonly period: { readonly from: number; readonly to: number } | null
}

export interface RefundFacts {
  readonly id: string
  readonly organization: string
  readonly cents: bigint
  readonly vatCents: bigint
  readonly reference: string | null
  /** Milliseconds since 1970. */
  readonly at: number
  /** Number of the invoice of the payment that goes back. */
  readonly invoice: string
}

/** What one model came to in a month: exact, before the platform's fee. */
export interface UsageFacts {
  readonly model: string
  readonly sessions: number
  readonly receipts: number
  /** Pico-euro. */
  readonly amount: bigint
}

/** A party's month; amounts in pico-euro. */
export interface MonthFacts {
  readonly usage: readonly UsageFacts[]
  /** Of the usage, the platform's fee; zero for an organization, which does not see it. */
  readonly fee: bigint
  /** By kind of transfer, above zero where we owe the party more after it. */
  readonly movements: readonly { readonly kind: string; readonly amount: bigint }[]
  /** How the month changed what is held back (of a provider), and what the party owes us. */
  readonly heldBackChange: bigint
  readonly debtChange: bigint
}
