import type Stripe from 'stripe'
import { ask, idOf, keyed, known, marks, organizationMark } from './call.ts'

/** Who pays: one Stripe Customer per organization. */
export interface CustomerPayments {
  createCustomer(request: {
    readonly organization: string
    readonly details?: CustomerDetails
    readonly operation: string
  }): Promise<{ readonly customer: string }>
  /** Changes what `details` names and leaves the rest. */
  updateCustomer(request: {
    readonly customer: string
    readonly details: CustomerDetails
    readonly operation: string
  }): Promise<CustomerState>
  customerState(customer: string): Promise<CustomerState>
  /** For good, with its payment methods and VAT ids; payments and invoices stay. */
  deleteCustomer(customer: string): Promise<void>
  /** Stripe asks VIES later: the verification begins as `pending`. */
  addTaxId(request: {
    readonly customer: string
    /** With the country's prefix, as `DE123456789`. */
    readonly vatId: string
    readonly operation: string
  }): Promise<TaxId>
  removeTaxId(request: { readonly customer: string; readonly taxId: string }): Promise<void>
  /** A customer's VAT ids, newest first. */
  taxIds(customer: string): Promise<readonly TaxId[]>
}

export interface CustomerDetails {
  readonly name?: string
  readonly email?: string
  readonly address?: PostalAddress
  /** `reverse`: the customer accounts for VAT, and Stripe's documents say so. */
  readonly taxExempt?: TaxExempt
}

export type TaxExempt = 'none' | 'exempt' | 'reverse'

export interface PostalAddress {
  readonly line1: string
  readonly line2?: string
  readonly postalCode: string
  readonly city: string
  readonly state?: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
}

export interface CustomerState {
  readonly customer: string
  readonly deleted: boolean
  readonly organization: string | undefined
  readonly taxExempt: TaxExempt
  /** ISO 3166-1 alpha-2 of the billing address. */
  readonly country: string | undefined
  /** What off-session charges and subscriptions use. */
  readonly defaultPaymentMethod: string | undefined
}

export interface TaxId {
  readonly taxId: string
  readonly vatId: string
  readonly verification: 'pending' | 'verified' | 'unverified' | 'unavailable'
}

export function customerPayments(stripe: Stripe): CustomerPayments {
  return {
    async createCustomer({ organization, details = {}, operation }) {
      const customer = await ask(() =>
        stripe.customers.create(
          { ...detailParams(details), metadata: marks(operation, organization) },
          keyed('customer', operation),
        ),
      )
      return { customer: customer.id }
    },
    async updateCustomer({ customer, details, operation }) {
      const params = detailParams(details)
      return customerState(
        await ask(() =>
          stripe.customers.update(customer, params, keyed('customer-update', operation)),
        ),
      )
    },
    async customerState(customer) {
      const found = await ask(() => stripe.customers.retrieve(customer))
      return found.deleted === true ? deletedCustomer(found.id) : customerState(found)
    },
    async deleteCustomer(customer) {
      await ask(() => stripe.customers.del(customer))
    },
    async addTaxId({ customer, vatId, operation }) {
      const params = { type: 'eu_vat', value: vatId } as const
      return taxIdOf(
        await ask(() => stripe.customers.createTaxId(customer, params, keyed('tax-id', operation))),
      )
    },
    async removeTaxId({ customer, taxId }) {
      await ask(() => stripe.customers.deleteTaxId(customer, taxId))
    },
    async taxIds(customer) {
      const list = await ask(() => stripe.customers.listTaxIds(customer, { limit: 100 }))
      return list.data.map(taxIdOf)
    },
  }
}

function detailParams({ name, email, address, taxExempt }: CustomerDetails) {
  return {
    ...(name !== undefined && { name }),
    ...(email !== undefined && { email }),
    ...(address !== undefined && { address: addressParam(address) }),
    ...(taxExempt !== undefined && { tax_exempt: taxExempt }),
  }
}

function addressParam(address: PostalAddress): Stripe.AddressParam {
  const { line1, line2, postalCode, city, state, country } = address
  return {
    line1,
    ...(line2 !== undefined && { line2 }),
    postal_code: postalCode,
    city,
    ...(state !== undefined && { state }),
    country,
  }
}

function customerState(customer: Stripe.Customer): CustomerState {
  return {
    customer: customer.id,
    deleted: false,
    organization: customer.metadata[organizationMark],
    taxExempt: known(customer.tax_exempt, ['none', 'exempt', 'reverse'], 'none'),
    country: customer.address?.country ?? undefined,
    defaultPaymentMethod: idOf(customer.invoice_settings.default_payment_method),
  }
}

function deletedCustomer(customer: string): CustomerState {
  return {
    customer,
    deleted: true,
    organization: undefined,
    taxExempt: 'none',
    country: undefined,
    defaultPaymentMethod: undefined,
  }
}

function taxIdOf({ id, value, verification }: Stripe.TaxId): TaxId {
  const values = ['pending', 'verified', 'unverified', 'unavailable'] as const
  return { taxId: id, vatId: value, verification: known(verification?.status, values, 'pending') }
}
