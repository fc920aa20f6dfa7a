import type Stripe from 'stripe'
import type { Context } from './operation.ts'
import type { BalanceRecord, State } from './state.ts'

export interface Movement {
  readonly account: string
  /** Signed cents: what enters the account is positive. */
  readonly amount: number
  readonly fee?: number
  readonly feeDescription?: string
  readonly type: Stripe.BalanceTransaction['type']
  readonly reportingCategory: string
  readonly source: string
  readonly description?: string | null
  /** Seconds; at once when absent. */
  readonly availableOnS?: number
}

export function balanceOf(state: State, account: string): BalanceRecord {
  const balance = state.balances.get(account) ?? { available: 0, pending: 0 }
  state.balances.set(account, balance)
  return balance
}

/** The only way money moves: a balance never changes without its balance transaction. */
export function move(context: Context, movement: Movement): Stripe.BalanceTransaction {
  const { state, nowS } = context
  const { fee = 0, availableOnS = nowS } = movement
  const net = movement.amount - fee
  const available = availableOnS <= nowS
  const transaction: Stripe.BalanceTransaction = {
    id: context.newId('txn'),
    object: 'balance_transaction',
    amount: movement.amount,
    available_on: availableOnS,
    balance_type: 'payments',
    created: nowS,
    currency: 'eur',
    description: movement.description ?? null,
    exchange_rate: null,
    fee,
    fee_details: fee === 0 ? [] : [feeDetail(fee, movement.feeDescription)],
    net,
    reporting_category: movement.reportingCategory,
    source: movement.source,
    status: available ? 'available' : 'pending',
    type: movement.type,
  }
  const { account } = movement
  state.balanceTransactions.set(transaction.id, { account, object: transaction })
  const balance = balanceOf(state, account)
  if (available) balance.available += net
  else {
    balance.pending += net
    context.later('balance-available', transaction.id, availableOnS * 1_000)
  }
  return transaction
}

function feeDetail(amount: number, description = 'Stripe processing fees') {
  return { amount, application: null, currency: 'eur', description, type: 'stripe_fee' }
}

export function makeAvailable({ state }: Context, transactionId: string): void {
  const owned = state.balanceTransactions.get(transactionId)
  if (owned?.object.status !== 'pending') return
  const balance = balanceOf(state, owned.account)
  balance.pending -= owned.object.net
  balance.available += owned.object.net
  owned.object.status = 'available'
}
