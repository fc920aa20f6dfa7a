/** What must hold after every step of every run. */
export const INVARIANTS = {
  'provider-window':
    'an honest provider has delivered at most one window beyond what is countersigned',
  'consumer-pays': 'an honest consumer countersigns only what it received, at the agreed price',
  'consumer-limit': 'an honest consumer countersigns at most what its authorization covers',
  'consumer-window': 'a countersignature of an honest consumer commits to at most one window more',
  'consumer-chain': 'the receipts that an honest consumer countersigns are one chain',
  'consumer-transcript': 'a countersigned receipt commits to what was received',
  money: 'transfers balance, no guarded account is below zero, what is held is what is open',
  booking:
    'what is booked of a session is its highest doubly-signed receipt that settlement was given',
  limit: 'what is booked under an authorization is at most its limit',
  fee: 'the fee of a session is that of its total, however it was booked',
  residency: 'no prompt goes to, and no engine starts at, a provider outside the policy',
  replay: 'an order runs at most once',
  'provider-commitment': 'an honest provider commits at most the limit of a valid authorization',
  'provider-terms': 'an honest provider runs only orders on its terms, and in their time',
  equivocation: 'settlement keeps one receipt under one number',
  liveness: 'every session of an honest party ends, and every receipt reaches settlement',
  quiescence: 'in the end the highest doubly-signed receipt that an honest party holds is booked',
  durability: 'an honest party keeps every receipt that it countersigned or was given',
  log: 'every checkpoint of the log of settled receipts is consistent with those before it',
  crash: 'no rule throws',
} as const
export type Invariant = keyof typeof INVARIANTS

export class InvariantViolation extends Error {
  readonly invariant: Invariant

  constructor(invariant: Invariant, detail: string) {
    super(detail)
    this.invariant = invariant
  }
}
