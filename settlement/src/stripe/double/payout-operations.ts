import type Stripe from 'stripe'
import { z } from 'zod'
import { operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { created, currency, expand, metadata, page, text, transferCents } from './params.ts'
import { cancelPayout, findPayout, pay, requirePayouts } from './payouts.ts'

export const createPayout = operation({
  name: 'Payouts.create',
  method: 'POST',
  path: '/v1/payouts',
  params: z.strictObject({
    amount: transferCents,
    currency,
    description: text.optional(),
    expand,
    metadata,
  }),
  run({ amount, description, metadata }, context): Stripe.Payout {
    requirePayouts(context)
    return pay(context, context.account, { amount, automatic: false, description, metadata })
  },
})

export const retrievePayout = operation({
  name: 'Payouts.retrieve',
  method: 'GET',
  path: '/v1/payouts/:id',
  params: z.strictObject({ expand }),
  run: (_params, context) => findPayout(context),
})

export const cancelPayoutOperation = operation({
  name: 'Payouts.cancel',
  method: 'POST',
  path: '/v1/payouts/:id/cancel',
  params: z.strictObject({ expand }),
  run(_params, context): Stripe.Payout {
    const payout = findPayout(context)
    cancelPayout(context, payout)
    return payout
  },
})

export const listPayouts = operation({
  name: 'Payouts.list',
  method: 'GET',
  path: '/v1/payouts',
  params: z.strictObject({
    ...page,
    created: created.optional(),
    status: z.enum(['canceled', 'failed', 'in_transit', 'paid', 'pending']).optional(),
  }),
  run(params, { state, account }) {
    const found = [...state.payouts.values()]
      .filter((owned) => owned.account === account)
      .map(({ object }) => object)
      .filter(
        (payout) =>
          createdWithin(payout.created, params.created) &&
          (params.status === undefined || payout.status === params.status),
      )
    return pageOf('/v1/payouts', found, params)
  },
})
