/** What a test token does. The names of cards are Stripe's own (docs.stripe.com/testing). */
export type TestMethod = {
  readonly brand: string
  readonly last4: string
} & TestOutcome

type TestOutcome =
  | {
      readonly outcome: 'succeeds'
      readonly available: 'later' | 'at once'
      readonly disputed?: string
      readonly refund?: 'fails' | 'is pending'
    }
  | {
      readonly outcome: 'declines'
      readonly code: string
      readonly declineCode?: string
      /** Its bank lets it be saved, and refuses charges. */
      readonly saves?: true
    }
  /** Off-session it declines; on a page the customer is there and answers. */
  | { readonly outcome: 'asks the customer' }
  /** A bank debit: processing for days. */
  | { readonly outcome: 'settles later'; readonly settles: 'succeeds' | 'fails' }

const visa = { brand: 'visa', last4: '4242' }
const later = { outcome: 'succeeds', available: 'later' } as const
const declined = { outcome: 'declines', code: 'card_declined' } as const

export const testMethods: ReadonlyMap<string, TestMethod> = new Map<string, TestMethod>([
  ['pm_card_visa', { ...visa, ...later }],
  ['pm_card_mastercard', { brand: 'mastercard', last4: '4444', ...later }],
  ['pm_card_bypassPending', { ...visa, last4: '0077', ...later, available: 'at once' }],
  [
    'pm_card_chargeDeclined',
    { ...visa, last4: '0002', ...declined, declineCode: 'generic_decline' },
  ],
  [
    'pm_card_chargeDeclinedInsufficientFunds',
    { ...visa, last4: '9995', ...declined, declineCode: 'insufficient_funds' },
  ],
  [
    'pm_card_chargeDeclinedExpiredCard',
    { ...visa, last4: '0069', outcome: 'declines', code: 'expired_card' },
  ],
  [
    'pm_card_chargeCustomerFail',
    { ...visa, last4: '0341', ...declined, declineCode: 'generic_decline', saves: true },
  ],
  ['pm_card_authenticationRequired', { ...visa, last4: '3184', outcome: 'asks the customer' }],
  ['pm_card_createDispute', { ...visa, last4: '0259', ...later, disputed: 'fraudulent' }],
  [
    'pm_card_createDisputeProductNotReceived',
    { ...visa, last4: '2685', ...later, disputed: 'product_not_received' },
  ],
  ['pm_card_createDisputeInquiry', { ...visa, last4: '1976', ...later, disputed: 'inquiry' }],
  ['pm_card_refundFail', { ...visa, last4: '5126', ...later, refund: 'fails' }],
  ['pm_card_pendingRefund', { ...visa, last4: '7726', ...later, refund: 'is pending' }],
  // Names of our own for Stripe's test IBANs DE89370400440532013000 and DE62370400440532013001.
  [
    'pm_sepaDebit',
    { brand: 'sepa_debit', last4: '3000', outcome: 'settles later', settles: 'succeeds' },
  ],
  [
    'pm_sepaDebitFails',
    { brand: 'sepa_debit', last4: '3001', outcome: 'settles later', settles: 'fails' },
  ],
])

/** Seconds until a card's money is available: Stripe's is two or three business days. */
export const cardPendingS = 2 * 86_400

/** Milliseconds until a bank debit settles: docs.stripe.com/payments/sepa-debit names 5 business days. */
export const bankDebitMs = 7 * 86_400_000
