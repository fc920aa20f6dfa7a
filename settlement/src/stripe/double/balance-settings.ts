import type Stripe from 'stripe'
import { z } from 'zod'
import { operation } from './operation.ts'
import { boolean, emptyable, expand, integer } from './params.ts'
import { type BalanceSettingsRecord, platform, type State } from './state.ts'

// docs.stripe.com/payouts: two business days for most of Europe.
const delayDays = 2

const cents = integer.pipe(z.int().min(0))

export const retrieveBalanceSettings = operation({
  name: 'BalanceSettings.retrieve',
  method: 'GET',
  path: '/v1/balance_settings',
  params: z.strictObject({ expand }),
  run: (_params, { state, account }) => settingsObject(state, account),
})

export const updateBalanceSettings = operation({
  name: 'BalanceSettings.update',
  method: 'POST',
  path: '/v1/balance_settings',
  params: z.strictObject({
    payments: z
      .strictObject({
        debit_negative_balances: boolean.optional(),
        payouts: z
          .strictObject({
            minimum_balance_by_currency: z
              .strictObject({ eur: emptyable(cents).optional() })
              .optional(),
            schedule: z
              .strictObject({ interval: z.enum(['daily', 'manual', 'monthly', 'weekly']) })
              .optional(),
          })
          .optional(),
      })
      .optional(),
    expand,
  }),
  run({ payments }, context): Stripe.BalanceSettings {
    const { state, account } = context
    const settings = balanceSettingsOf(state, account)
    const { schedule, minimum_balance_by_currency: minimum } = payments?.payouts ?? {}
    if (schedule !== undefined) settings.interval = schedule.interval
    if (minimum?.eur !== undefined) settings.minimum = minimum.eur ?? 0
    if (payments?.debit_negative_balances !== undefined) {
      settings.debitsNegative = payments.debit_negative_balances
    }
    const object = settingsObject(state, account)
    context.emit('balance_settings.updated', object)
    return object
  },
})

/**
 * Connected accounts are paid out daily, as Stripe begins. The platform begins with `manual`: its
 * balance is what providers are owed.
 */
export function balanceSettingsOf(state: State, account: string): BalanceSettingsRecord {
  const known = state.balanceSettings.get(account)
  if (known !== undefined) return known
  const interval = account === platform ? 'manual' : 'daily'
  const settings: BalanceSettingsRecord = { interval, minimum: 0, debitsNegative: false }
  state.balanceSettings.set(account, settings)
  return settings
}

function settingsObject(state: State, account: string): Stripe.BalanceSettings {
  const { interval, minimum, debitsNegative } = balanceSettingsOf(state, account)
  const record = state.accounts.get(account)
  const enabled = record === undefined || (record.transfers === 'active' && !record.payoutsPaused)
  return {
    object: 'balance_settings',
    payments: {
      debit_negative_balances: debitsNegative,
      payouts: {
        automatic_transfer_rules_by_currency: null,
        minimum_balance_by_currency: minimum === 0 ? null : { eur: minimum },
        schedule: { interval },
        statement_descriptor: null,
        status: enabled ? 'enabled' : 'disabled',
      },
      settlement_timing: { delay_days: delayDays, start_of_day: null },
    },
  }
}
