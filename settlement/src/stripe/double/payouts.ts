import type Stripe from 'stripe'
import { balanceSettingsOf } from './balance-settings.ts'
import { businessDaysAfterMs, nextDayMs } from './calendar.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import { balanceOf, move } from './money.ts'
import type { Context } from './operation.ts'
import { type AccountRecord, platform } from './state.ts'

type Payout = Stripe.Payout

const hourMs = 3_600_000
// Banks are told several times a day; until then a payout can be canceled.
const leavesAfterMs = 6 * hourMs
const arrivesAfterDays = 2
/** docs.stripe.com/payouts: a bank may send it back up to five business days after it was paid. */
const failsLateAfterDays = 3

/** Takes money from a balance and sends it to the bank. */
export function pay(
  context: Context,
  account: string,
  given: {
    readonly amount: number
    readonly automatic: boolean
    readonly description?: string | undefined
    readonly metadata?: Record<string, string>
  },
): Payout {
  if (balanceOf(context.state, account).available < given.amount) {
    throw invalidRequest(
      'You have insufficient funds in your Stripe account for this transfer.',
      'balance_insufficient',
      'amount',
    )
  }
  const payout = payoutObject(context, account, given)
  payout.balance_transaction = move(context, {
    account,
    amount: -given.amount,
    type: 'payout',
    reportingCategory: 'payout',
    source: payout.id,
    description: payout.description,
  }).id
  context.state.payouts.set(payout.id, { account, object: payout })
  if (given.automatic) sweep(context, account, payout)
  context.emit('payout.created', payout, account)
  context.later('payout-leaves', payout.id, context.nowMs + leavesAfterMs)
  return payout
}

/** Only for automatic payouts does Stripe know what is inside. */
function sweep({ state }: Context, account: string, payout: Payout): void {
  for (const [id, owned] of state.balanceTransactions) {
    if (owned.account !== account || owned.object.status !== 'available') continue
    if (!state.paidOut.has(id)) state.paidOut.set(id, payout.id)
  }
}

/** The daily run of what is not paid out by hand. */
export function payOutAutomatically(context: Context): void {
  context.later('day-begins', platform, nextDayMs(context.nowMs))
  for (const account of [platform, ...context.state.accounts.keys()]) {
    const { interval, minimum } = balanceSettingsOf(context.state, account)
    const amount = balanceOf(context.state, account).available - minimum
    if (amount <= 0 || !isDay(interval, context.nowMs) || !takesPayouts(context, account)) continue
    pay(context, account, { amount, automatic: true })
  }
}

export function payoutLeaves(context: Context, payoutId: string): void {
  const { account, object } = findOwned(context, payoutId)
  if (object.status !== 'pending') return
  object.status = 'in_transit'
  context.emit('payout.updated', object, account)
  context.later('payout-arrives', payoutId, object.arrival_date * 1_000)
}

export function payoutArrives(context: Context, payoutId: string): void {
  const { account, object } = findOwned(context, payoutId)
  if (object.status !== 'in_transit') return
  const bank = context.state.accounts.get(account)?.bank ?? 'good'
  if (bank === 'refuses') {
    failPayout(context, payoutId)
    return
  }
  object.status = 'paid'
  context.emit('payout.paid', object, account)
  // The bank first takes the money, and sends it back days later.
  if (bank === 'sends back') {
    const atMs = businessDaysAfterMs(context.nowMs, failsLateAfterDays)
    context.later('payout-fails', payoutId, atMs)
  }
}

/** The bank has sent it back: the money is on the balance again, and payouts rest. */
export function failPayout(context: Context, payoutId: string, code = 'account_closed'): void {
  const { account, object } = findOwned(context, payoutId)
  if (object.status === 'failed' || object.status === 'canceled') return
  object.status = 'failed'
  object.failure_code = code
  object.failure_message = 'The bank account could not be paid.'
  object.failure_balance_transaction = move(context, {
    account,
    amount: object.amount,
    type: 'payout_failure',
    reportingCategory: 'payout_reversal',
    source: object.id,
    description: 'PAYOUT FAILURE',
  }).id
  const record = context.state.accounts.get(account)
  if (record !== undefined) record.payoutsPaused = true
  context.emit('payout.failed', object, account)
}

export function cancelPayout(context: Context, payout: Payout): void {
  if (payout.status !== 'pending' || payout.automatic) {
    throw invalidRequest('Payouts can only be canceled while they are pending.')
  }
  payout.status = 'canceled'
  move(context, {
    account: context.account,
    amount: payout.amount,
    type: 'payout_cancel',
    reportingCategory: 'payout_reversal',
    source: payout.id,
    description: 'PAYOUT CANCEL',
  })
  context.emit('payout.canceled', payout)
}

export function findPayout(context: Context): Payout {
  const [payoutId = ''] = context.ids
  const owned = context.state.payouts.get(payoutId)
  if (owned?.account !== context.account) throw resourceMissing('payout', payoutId, 'payout')
  return owned.object
}

/** @throws {StripeFault} when Stripe does not pay this account out. */
export function requirePayouts(context: Context): void {
  if (takesPayouts(context, context.account)) return
  throw invalidRequest('Payouts are not enabled for this account.', 'payouts_not_allowed')
}

function takesPayouts({ state }: Context, account: string): boolean {
  return account === platform || takes(state.accounts.get(account))
}

export function takes(record: AccountRecord | undefined): boolean {
  if (record === undefined || record.deauthorized) return false
  return record.transfers === 'active' && !record.payoutsPaused
}

function isDay(interval: string, nowMs: number): boolean {
  const today = new Date(nowMs)
  if (interval === 'daily') return true
  // Monday and the first are Stripe's defaults.
  if (interval === 'weekly') return today.getUTCDay() === 1
  return interval === 'monthly' && today.getUTCDate() === 1
}

function findOwned({ state }: Context, payoutId: string) {
  const owned = state.payouts.get(payoutId)
  if (owned === undefined) throw resourceMissing('payout', payoutId, 'payout')
  return owned
}

function payoutObject(
  context: Context,
  account: string,
  given: {
    readonly amount: number
    readonly automatic: boolean
    readonly description?: string | undefined
    readonly metadata?: Record<string, string>
  },
): Payout {
  return {
    id: context.newId('po'),
    object: 'payout',
    amount: given.amount,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: Math.floor(businessDaysAfterMs(context.nowMs, arrivesAfterDays) / 1_000),
    automatic: given.automatic,
    balance_transaction: null,
    created: context.nowS,
    currency: 'eur',
    description: given.description ?? 'STRIPE PAYOUT',
    destination: `ba_${account.slice('acct_'.length)}`,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: given.metadata ?? {},
    method: 'standard',
    original_payout: null,
    payout_method: null,
    reconciliation_status: given.automatic ? 'completed' : 'not_applicable',
    reversed_by: null,
    source_type: 'card',
    statement_descriptor: null,
    status: 'pending',
    trace_id: null,
    type: 'bank_account',
  }
}
