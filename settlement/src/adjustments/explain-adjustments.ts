import { ACCOUNT_KINDS } from '../ledger/accounts.ts'
import type { Explanation } from '../ledger/explanation.ts'

/** Either side of every adjustment that was posted; the side is the name of an account, `kind/owner`. */
const side = (column: 'debit' | 'credit', sign: '' | '-'): readonly Explanation[] =>
  ACCOUNT_KINDS.map((kind) => ({
    kind,
    select: `select substr(${column}, ${kind.length + 2}) as owner, ${sign}amount as amount from adjustment
      where state = 'posted' and starts_with(${column}, '${kind}/')`,
  }))

export const ADJUSTMENTS_EXPLAINED: readonly Explanation[] = [
  ...side('debit', '-'),
  ...side('credit', ''),
]
