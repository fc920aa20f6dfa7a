import type Stripe from 'stripe'
import {
  ask,
  currency,
  each,
  keyed,
  known,
  marks,
  msOf,
  on,
  operationMark,
  pageMax,
  secondsOf,
} from './call.ts'
import { amountOfCents, centsOfAmount } from './cents.ts'

/** Money from a Stripe balance to a bank account: a provider's, or the platform's without `account`. */
export interface PayoutPayments {
  createPayout(request: {
    readonly account?: string
    readonly cents: bigint
    readonly operation: string
  }): Promise<PayoutState>
  payoutState(request: { readonly account?: string; readonly payout: string }): Promise<PayoutState>
  /** Payouts created since a time, newest first. */
  payouts(request: {
    readonly account?: string
    readonly sinceMs: number
  }): AsyncIterable<PayoutState>
  /** Only while it is `pending`: the money returns to the balance. */
  cancelPayout(request: {
    readonly account?: string
    readonly payout: string
    readonly operation: string
  }): Promise<PayoutState>
  payoutSchedule(account?: string): Promise<PayoutSchedule>
  /** The platform keeps a minimum, or `manual`, so that its payouts do not drain what providers are owed. */
  setPayoutSchedule(request: {
    readonly account?: string
    readonly interval: PayoutSchedule['interval']
    readonly minimumCents?: bigint
    readonly operation: string
  }): Promise<PayoutSchedule>
}

export interface PayoutState {
  readonly payout: string
  /** `paid` may still turn `failed`, up to five business days later: the money returns then. */
  readonly status: 'pending' | 'in_transit' | 'paid' | 'failed' | 'canceled'
  readonly cents: bigint
  /** Made by the schedule, not by a call. */
  readonly automatic: boolean
  readonly createdMs: number
  readonly arrivalMs: number
  /** `account_closed`, `no_account` …; the list is open. */
  readonly failureCode: string | undefined
  readonly operation: string | undefined
}

export interface PayoutSchedule {
  readonly interval: 'manual' | 'daily' | 'weekly' | 'monthly'
  /** What a payout leaves on the balance. */
  readonly minimumCents: bigint
  /** Days until a charge's money is available. */
  readonly delayDays: number
  /** Stripe pays out: an account with unmet requirements is `disabled`. */
  readonly enabled: boolean
}

export function payoutPayments(stripe: Stripe): PayoutPayments {
  return {
    async createPayout({ account, cents, operation }) {
      const params = { amount: amountOfCents(cents), currency, metadata: marks(operation) }
      return payoutState(
        await ask(() => stripe.payouts.create(params, keyed('payout', operation, account))),
      )
    },
    async payoutState({ account, payout }) {
      return payoutState(await ask(() => stripe.payouts.retrieve(payout, {}, on(account))))
    },
    async *payouts({ account, sinceMs }) {
      const created = { gte: secondsOf(sinceMs) }
      const list = stripe.payouts.list({ created, limit: pageMax }, on(account))
      for await (const payout of each(list)) yield payoutState(payout)
    },
    async cancelPayout({ account, payout, operation }) {
      const options = keyed('payout-cancel', operation, account)
      return payoutState(await ask(() => stripe.payouts.cancel(payout, {}, options)))
    },
    async payoutSchedule(account) {
      return scheduleOf(await ask(() => stripe.balanceSettings.retrieve({}, on(account))))
    },
    async setPayoutSchedule({ account, interval, minimumCents, operation }) {
      const payouts = {
        schedule: { interval },
        ...(minimumCents !== undefined && {
          minimum_balance_by_currency: {
            [currency]: minimumCents === 0n ? ('' as const) : amountOfCents(minimumCents),
          },
        }),
      }
      const options = keyed('payout-schedule', operation, account)
      return scheduleOf(
        await ask(() => stripe.balanceSettings.update({ payments: { payouts } }, options)),
      )
    },
  }
}

const statuses = ['pending', 'in_transit', 'paid', 'failed', 'canceled'] as const
const intervals = ['manual', 'daily', 'weekly', 'monthly'] as const

function payoutState(payout: Stripe.Payout): PayoutState {
  return {
    payout: payout.id,
    status: known(payout.status, statuses, 'pending'),
    cents: centsOfAmount(payout.amount),
    automatic: payout.automatic,
    createdMs: msOf(payout.created),
    arrivalMs: msOf(payout.arrival_date),
    failureCode: payout.failure_code ?? undefined,
    operation: payout.metadata?.[operationMark],
  }
}

function scheduleOf({ payments }: Stripe.BalanceSettings): PayoutSchedule {
  const interval = payments.payouts?.schedule?.interval
  return {
    interval: known(interval, intervals, 'manual'),
    minimumCents: centsOfAmount(payments.payouts?.minimum_balance_by_currency?.[currency] ?? 0),
    delayDays: payments.settlement_timing.delay_days,
    enabled: payments.payouts?.status === 'enabled',
  }
}
