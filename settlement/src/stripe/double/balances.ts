import type Stripe from 'stripe'
import { z } from 'zod'
import { invalidRequest, resourceMissing } from './fault.ts'
import { balanceOf } from './money.ts'
import { operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { created, currency, expand, id, page } from './params.ts'

export const retrieveBalance = operation({
  name: 'Balance.retrieve',
  method: 'GET',
  path: '/v1/balance',
  params: z.strictObject({ expand }),
  run(_params, { state, account }): Stripe.Balance {
    const { available, pending } = balanceOf(state, account)
    const part = (amount: number) => [{ amount, currency: 'eur', source_types: { card: amount } }]
    return {
      object: 'balance',
      available: part(available),
      livemode: false,
      pending: part(pending),
    }
  },
})

export const retrieveBalanceTransaction = operation({
  name: 'BalanceTransactions.retrieve',
  method: 'GET',
  path: '/v1/balance_transactions/:id',
  params: z.strictObject({ expand }),
  run(_params, { state, account, ids: [transactionId = ''] }): Stripe.BalanceTransaction {
    const owned = state.balanceTransactions.get(transactionId)
    if (owned?.account !== account) throw resourceMissing('balance transaction', transactionId)
    return owned.object
  },
})

export const listBalanceTransactions = operation({
  name: 'BalanceTransactions.list',
  method: 'GET',
  path: '/v1/balance_transactions',
  params: z.strictObject({
    ...page,
    created: created.optional(),
    currency: currency.optional(),
    payout: id.optional(),
    source: id.optional(),
    type: id.optional(),
  }),
  run(params, { state, account }) {
    const payout = params.payout === undefined ? undefined : state.payouts.get(params.payout)
    if (params.payout !== undefined && payout?.object.automatic !== true) {
      throw invalidRequest(
        'Balance transaction history can only be filtered on automatic payouts, not manual.',
        undefined,
        'payout',
      )
    }
    const found: Stripe.BalanceTransaction[] = []
    for (const { account: owner, object } of state.balanceTransactions.values()) {
      const wanted =
        owner === account &&
        createdWithin(object.created, params.created) &&
        (params.payout === undefined || state.paidOut.get(object.id) === params.payout) &&
        (params.source === undefined || object.source === params.source) &&
        (params.type === undefined || object.type === params.type)
      if (wanted) found.push(object)
    }
    return pageOf('/v1/balance_transactions', found, params)
  },
})
