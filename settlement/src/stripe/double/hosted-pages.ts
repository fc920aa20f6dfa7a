import type { FastifyInstance, FastifyReply } from 'fastify'
import { finishOnboarding } from './accounts.ts'
import { completeCheckout } from './complete-checkout.ts'
import type { CheckoutRecord } from './state.ts'
import { testMethods } from './test-methods.ts'
import type { World } from './world.ts'

/** Stripe's own pages: where providers answer questions and customers pay. */
export function hostedPages(app: FastifyInstance, world: World): void {
  billingPages(app, world)
  app.get<{ Params: { link: string } }>('/onboarding/:link', async ({ params }, reply) => {
    const onboarded = finishOnboarding(world.context(), params.link)
    await world.commit()
    if (onboarded.outcome === 'refresh') return reply.redirect(onboarded.refreshUrl, 303)
    if (onboarded.outcome === 'unknown') return show(reply, 404, 'No such link')
    if (onboarded.returnUrl !== undefined) return reply.redirect(onboarded.returnUrl, 303)
    return show(reply, 200, 'Onboarding finished')
  })

  app.get<{ Params: { checkout: string } }>('/checkout/:checkout', async ({ params }, reply) => {
    world.catchUp()
    const record = world.state.checkouts.get(params.checkout)
    if (record === undefined) return show(reply, 404, 'No such checkout')
    if (record.object.status !== 'open') return show(reply, 410, 'This checkout is over')
    return show(reply, 200, 'Checkout', checkoutForm(record))
  })

  app.post<{ Params: { checkout: string }; Body: { payment_method?: string } }>(
    '/checkout/:checkout',
    async ({ params, body }, reply) => {
      world.catchUp()
      const record = world.state.checkouts.get(params.checkout)
      if (record === undefined) return show(reply, 404, 'No such checkout')
      const method = testMethods.has(body.payment_method ?? '') ? body.payment_method : undefined
      if (method === undefined) return show(reply, 400, 'Choose a payment method')
      const completed = completeCheckout(world.context(), record, method)
      await world.commit()
      if (completed.outcome === 'over') return show(reply, 410, 'This checkout is over')
      if (completed.outcome === 'complete') return reply.redirect(completed.location, 303)
      return show(reply, 402, completed.message, checkoutForm(record))
    },
  )
}

/** Where a customer sees invoices; the real page can do more. */
function billingPages(app: FastifyInstance, { state }: World): void {
  app.get<{ Params: { portal: string } }>('/portal/:portal', async ({ params }, reply) => {
    const portal = state.portals.get(params.portal)
    if (portal === undefined) return show(reply, 404, 'No such portal')
    const invoices = [...state.invoices.values()]
      .filter(({ customer }) => customer === portal.customer)
      .map(({ number, status, total }) => `<li>${number ?? '-'}: ${euros(total)}, ${status}</li>`)
    const back =
      portal.returnUrl === null ? '' : `<p><a href="${escaped(portal.returnUrl)}">Back</a></p>`
    return show(reply, 200, 'Your invoices', `<ul>${invoices.join('')}</ul>${back}`)
  })

  app.get<{ Params: { invoice: string } }>('/invoice/:invoice', async ({ params }, reply) => {
    const invoice = state.invoices.get(params.invoice)
    if (invoice === undefined) return show(reply, 404, 'No such invoice')
    const lines = invoice.lines.data.map(
      ({ description, amount }) => `<li>${escaped(description ?? '')}: ${euros(amount)}</li>`,
    )
    const total = `<p>Total: ${euros(invoice.total)}, ${invoice.status}</p>`
    return show(reply, 200, `Invoice ${invoice.number ?? ''}`, `<ul>${lines.join('')}</ul>${total}`)
  })
}

function checkoutForm({ object, lines }: CheckoutRecord): string {
  const items = lines.map(
    ({ description, amount_total: total }) =>
      `<li>${escaped(description ?? '')}: ${euros(total)}</li>`,
  )
  const methods = [...testMethods.keys()].map((name) => `<option>${escaped(name)}</option>`)
  const cancel =
    object.cancel_url === null ? '' : `<p><a href="${escaped(object.cancel_url)}">Cancel</a></p>`
  return `<ul>${items.join('')}</ul><p>Total: ${euros(object.amount_total ?? 0)}</p>
<form method="post"><label>Payment method <select name="payment_method">${methods.join('')}</select></label>
<button>${object.mode === 'setup' ? 'Save' : 'Pay'}</button></form>${cancel}`
}

function euros(cents: number): string {
  return `${(cents / 100).toFixed(2)} EUR`
}

function show(reply: FastifyReply, status: number, title: string, content = ''): FastifyReply {
  const heading = escaped(title)
  // Texts on the page come from whoever called the API: nothing of them may run.
  return reply
    .code(status)
    .header('content-security-policy', "default-src 'none'; form-action 'self' http: https:")
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>${heading}</title><h1>${heading}</h1>${content}<p>Stripe double: nothing here is real.</p></html>`,
    )
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
