import type Stripe from 'stripe'
import { z } from 'zod'
import { resourceMissing } from './fault.ts'
import { operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { created, expand, id, page } from './params.ts'

export const retrieveCharge = operation({
  name: 'Charges.retrieve',
  method: 'GET',
  path: '/v1/charges/:id',
  params: z.strictObject({ expand }),
  run(_params, { state, account, ids: [chargeId = ''] }): Stripe.Charge {
    const charge = state.charges.get(chargeId)
    if (charge?.account !== account) throw resourceMissing('charge', chargeId)
    return charge.object
  },
})

export const listCharges = operation({
  name: 'Charges.list',
  method: 'GET',
  path: '/v1/charges',
  params: z.strictObject({
    ...page,
    created: created.optional(),
    customer: id.optional(),
    payment_intent: id.optional(),
  }),
  run(params, { state, account }) {
    const found = [...state.charges.values()]
      .filter((owned) => owned.account === account)
      .map(({ object }) => object)
      .filter(
        (charge) =>
          createdWithin(charge.created, params.created) &&
          (params.customer === undefined || charge.customer === params.customer) &&
          (params.payment_intent === undefined || charge.payment_intent === params.payment_intent),
      )
    return pageOf('/v1/charges', found, params)
  },
})
