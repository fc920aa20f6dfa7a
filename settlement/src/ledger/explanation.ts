import type { AccountKind } from './accounts.ts'

/**
 * One cause that moves a kind of account, told by the records of that cause instead of by the ledger: the other way to the
 * same sum. `select` gives rows of (owner, amount in pico-euro as numeric; credits above zero), one or many for an owner.
 */
export interface Explanation {
  readonly kind: AccountKind
  readonly select: string
}

/** Pico-euro in a cent, as SQL. */
export const CENT = '10000000000::numeric'
