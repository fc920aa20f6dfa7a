import { type AccountId, type AccountKind, accountParts, guardOf } from '../ledger/accounts.ts'

/**
 * A posting that no record causes, but two people: one proposes, another approves. A `write_off` gives up what somebody
 * owes us.
 */
export interface Adjustment {
  readonly id: string
  readonly kind: 'adjustment' | 'write_off'
  readonly debit: AccountId
  readonly credit: AccountId
  /** Pico-euro. */
  readonly amount: bigint
  readonly reason: string
  /** Stripe's balance transaction that it books, where it books one. */
  readonly movement: string | null
  readonly state: 'proposed' | 'posted' | 'rejected' | 'expired'
  readonly proposedBy: string
  readonly proposedAt: number
  readonly expiresAt: number
  readonly decidedBy: string | null
  readonly decidedAt: number | null
  readonly note: string | null
}

/** A proposal that nobody decides on is forgotten: what was right last week need not be today. */
export const ADJUSTMENT_MS = 7 * 86_400_000

/** Whose accounts they are; the rest is the platform's. */
const OWNERS: Partial<Record<AccountKind, readonly string[]>> = {
  available: ['organization'],
  payable: ['provider'],
  debt: ['organization', 'provider'],
}
/** Money that an open authorization, a payout or a date stands for: moving it would break what it stands for. */
const BOUND: ReadonlySet<AccountKind> = new Set(['held', 'held_back', 'payout_in_transit'])

/** Who may own an account that an adjustment touches: nobody where none may. */
export function ownersOf(account: AccountId, side: 'debit' | 'credit'): readonly string[] {
  const { kind, owner } = accountParts(account)
  if (BOUND.has(kind)) return []
  // An organization is made to owe by disputes alone: whoever has money has no debt.
  if (kind === 'debt' && side === 'debit') return ['provider']
  return OWNERS[kind] ?? (owner === 'platform' ? ['platform'] : [])
}

/** An account by its name, when there is such a kind. */
export function parseAccount(name: string): AccountId | undefined {
  const at = name.indexOf('/')
  if (at < 1 || at === name.length - 1) return undefined
  const kind = name.slice(0, at) as AccountKind
  return guardOf(kind) === undefined ? undefined : (name as AccountId)
}
