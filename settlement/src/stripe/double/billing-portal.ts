import type Stripe from 'stripe'
import { z } from 'zod'
import { findCustomer } from './customers.ts'
import { operation } from './operation.ts'
import { expand, id, text } from './params.ts'

export const createPortalSession = operation({
  name: 'BillingPortal.Sessions.create',
  method: 'POST',
  path: '/v1/billing_portal/sessions',
  params: z.strictObject({ customer: id, return_url: text.optional(), expand }),
  run(params, context): Stripe.BillingPortal.Session {
    findCustomer(context, params.customer, 'customer')
    const sessionId = context.newId('bps')
    const returnUrl = params.return_url ?? null
    context.state.portals.set(sessionId, { customer: params.customer, returnUrl })
    return {
      id: sessionId,
      object: 'billing_portal.session',
      configuration: 'bpc_double',
      created: context.nowS,
      customer: params.customer,
      customer_account: null,
      flow: null,
      livemode: false,
      locale: null,
      on_behalf_of: null,
      return_url: returnUrl,
      url: `${context.baseUrl}/portal/${sessionId}`,
    }
  },
})
