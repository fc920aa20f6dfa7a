import type Stripe from 'stripe'
import { ask, each, keyed, marks, pageMax } from './call.ts'

/** Cards and accounts that a customer lets us charge later. */
export interface PaymentMethodPayments {
  /**
   * Keeps a payment method for off-session charges (a SetupIntent), and makes it the customer's
   * default when asked. `requires-action`: the customer must come back, as in a checkout of mode `setup`.
   * A card that its bank refuses is `HANSE_STRIPE_DECLINED`.
   */
  savePaymentMethod(request: {
    readonly customer: string
    readonly paymentMethod: string
    readonly asDefault?: boolean
    readonly operation: string
  }): Promise<{ readonly paymentMethod: string; readonly status: 'saved' | 'requires-action' }>
  setDefaultPaymentMethod(request: {
    readonly customer: string
    readonly paymentMethod: string
    readonly operation: string
  }): Promise<void>
  /** A customer's saved payment methods, newest first. */
  paymentMethods(customer: string): Promise<readonly SavedPaymentMethod[]>
  /** Charges with it fail from now on. */
  removePaymentMethod(request: {
    readonly paymentMethod: string
    readonly operation: string
  }): Promise<void>
}

export interface SavedPaymentMethod {
  readonly paymentMethod: string
  /** `card`, `sepa_debit` …; the list is open. */
  readonly type: string
  /** What a customer knows it by: the last four digits of the card or the IBAN. */
  readonly last4: string | undefined
  readonly brand: string | undefined
  /** The card's last month, 1 to 12, and year. */
  readonly expires: { readonly month: number; readonly year: number } | undefined
}

export function paymentMethodPayments(stripe: Stripe): PaymentMethodPayments {
  const setDefault: PaymentMethodPayments['setDefaultPaymentMethod'] = async (request) => {
    const { customer, paymentMethod, operation } = request
    const params = { invoice_settings: { default_payment_method: paymentMethod } }
    await ask(() => stripe.customers.update(customer, params, keyed('default', operation)))
  }
  return {
    setDefaultPaymentMethod: setDefault,
    async savePaymentMethod({ customer, paymentMethod, asDefault = false, operation }) {
      const intent = await ask(() =>
        stripe.setupIntents.create(
          {
            customer,
            payment_method: paymentMethod,
            confirm: true,
            usage: 'off_session',
            automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
            metadata: marks(operation),
          },
          keyed('setup', operation),
        ),
      )
      const saved = typeof intent.payment_method === 'string' ? intent.payment_method : undefined
      if (intent.status !== 'succeeded' || saved === undefined)
        return { paymentMethod, status: 'requires-action' }
      if (asDefault) await setDefault({ customer, paymentMethod: saved, operation })
      return { paymentMethod: saved, status: 'saved' }
    },
    async paymentMethods(customer) {
      const found: SavedPaymentMethod[] = []
      const list = stripe.customers.listPaymentMethods(customer, { limit: pageMax })
      for await (const method of each(list)) found.push(savedOf(method))
      return found
    },
    async removePaymentMethod({ paymentMethod, operation }) {
      await ask(() => stripe.paymentMethods.detach(paymentMethod, {}, keyed('detach', operation)))
    },
  }
}

function savedOf({ id, type, card, sepa_debit: sepa }: Stripe.PaymentMethod): SavedPaymentMethod {
  return {
    paymentMethod: id,
    type,
    last4: card?.last4 ?? sepa?.last4 ?? undefined,
    brand: card?.brand,
    expires: card === undefined ? undefined : { month: card.exp_month, year: card.exp_year },
  }
}
