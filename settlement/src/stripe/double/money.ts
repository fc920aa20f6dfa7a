import type Stripe from 'stripe'
import type { BalanceRecord, State } from './state.ts'

export interface Movement {
  readonly id: string
  readonly account: string
  /** Signed cents: what enters the account is positive. */
  readonly amount: number
  readonly fee?: number
  readonly type: 'charge' | 'payment' | 'payment_refund' | 'transfer' | 'transfer_refund'
  readonly reportingCategory: string
  readonly source: string
  readonly description?: string | null
  readonly nowS: number
  /** Seconds; the movement is available at once when it is not later than `nowS`. */
  readonly availableOnS: number
}

export function balanceOf(state: State, account: string): BalanceRecord {
  const balance = state.balances.get(account) ?? { available: 0, pending: 0 }
  state.balances.set(account, balance)
  return balance
}

/** The only way money moves: a balance never changes without its balance transaction. */
export function move(state: State, movement: Movement): Stripe.BalanceTransaction {
  const fee = movement.fee ?? 0
  const net = movement.amount - fee
  const available = movement.availableOnS <= movement.nowS
  const transaction: Stripe.BalanceTransaction = {
    id: movement.id,
    object: 'balance_transaction',
    amount: movement.amount,
    available_on: movement.availableOnS,
    balance_type: 'payments',
    created: movement.nowS,
    currency: 'eur',
    description: movement.description ?? null,
    exchange_rate: null,
    fee,
    fee_details:
      fee === 0
        ? []
        : [
            {
              amount: fee,
              application: null,
              currency: 'eur',
              description: 'Stripe processing fees',
              type: 'stripe_fee',
            },
          ],
    net,
    reporting_category: movement.reportingCategory,
    source: movement.source,
    status: available ? 'available' : 'pending',
    type: movement.type,
  }
  state.balanceTransactions.set(movement.id, { account: movement.account, object: transaction })
  const balance = balanceOf(state, movement.account)
  if (available) balance.available += net
  else {
    balance.pending += net
    state.pending.set(movement.id, true)
  }
  return transaction
}

/** Makes available what is due; whether anything changed. */
export function settlePending(state: State, nowS: number): boolean {
  let changed = false
  for (const id of state.pending.keys()) {
    const owned = state.balanceTransactions.get(id)
    if (owned === undefined || owned.object.available_on > nowS) continue
    const balance = balanceOf(state, owned.account)
    balance.pending -= owned.object.net
    balance.available += owned.object.net
    owned.object.status = 'available'
    state.pending.delete(id)
    changed = true
  }
  return changed
}
