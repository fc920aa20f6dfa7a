import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { CustomerDetails } from '../stripe/index.ts'
import { normalVatId, stateOfVatId, type VatIdCheck } from '../tax/index.ts'
import { oneByOne } from './one-by-one.ts'

/** Who an organization is to the tax office and to its bank. Personal data: never logged, and sealed where it is kept. */
export interface BillingDetails {
  readonly kind: 'business' | 'consumer'
  readonly name: string
  readonly email: string
  readonly line1: string
  readonly line2?: string
  readonly postalCode: string
  readonly city: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  /** With its prefix, as `DE123456789`. */
  readonly vatId?: string
}

export interface BillingProfile extends BillingDetails {
  readonly vatIdCheck?: VatIdCheck
  /** Counts the changes, from 1. */
  readonly version: number
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

/**
 * Keeps who an organization is and tells Stripe. A VAT id counts once a register has confirmed it; where none answers, it
 * is kept and asked for again with the next change.
 *
 * @throws {SettlementError} HANSE_VAT_ID_INVALID
 */
export async function setProfile(
  context: SettlementContext,
  organization: string,
  given: BillingDetails,
): Promise<BillingProfile> {
  const { store, now } = context
  const vatId = given.vatId === undefined ? undefined : checkedForm(given)
  const vatIdCheck = vatId === undefined ? undefined : await confirm(context, vatId)
  const details = {
    ...given,
    ...(vatId !== undefined && { vatId }),
    ...(vatIdCheck !== undefined && { vatIdCheck }),
  }
  const profile = await store.setBillingProfile(organization, details, now())
  await syncCustomer(context, organization)
  return profile
}

function checkedForm({ vatId = '', kind }: BillingDetails): string {
  const normal = normalVatId(vatId)
  if (kind !== 'business' || stateOfVatId(normal) === undefined) {
    throw new SettlementError('HANSE_VAT_ID_INVALID', 'not a VAT id of a business in the Union')
  }
  return normal
}

async function confirm(
  { vatIds }: SettlementContext,
  vatId: string,
): Promise<VatIdCheck | undefined> {
  const answer = await vatIds?.check(vatId)
  if (answer?.status !== 'checked') return undefined
  if (answer.check.valid) return answer.check
  throw new SettlementError('HANSE_VAT_ID_INVALID', 'the register does not know this VAT id')
}

/** Longer than Stripe's client tries three calls. */
const LEASE_MS = 300_000

/**
 * Stripe's customer of an organization, made once, and told of every change of the profile in its order.
 *
 * @throws {PaymentsError} when Stripe cannot be asked
 */
export async function ensureCustomer(
  context: SettlementContext,
  organization: string,
): Promise<string> {
  const { store, payments, now } = context
  const known = await store.billingCustomer(organization)
  if (known?.customer != null) return known.customer
  const operation = `customer-${organization}`
  const { customer } = await payments.createCustomer({ organization, operation })
  return store.setCustomer(organization, customer, now())
}

/** Brings Stripe's customer up to date, unless another process is at it. */
export async function syncCustomer(
  context: SettlementContext,
  organization: string,
): Promise<void> {
  const { store, payments, now } = context
  const customer = await ensureCustomer(context, organization)
  for (;;) {
    const version = await store.leaseCustomer(organization, now() + LEASE_MS, now())
    if (version === undefined) return
    try {
      const profile = await store.billingProfile(organization)
      if (profile !== undefined) {
        const operation = `${organization}-${profile.version}`
        await payments.updateCustomer({ customer, details: detailsOf(profile), operation })
        await syncVatId(context, customer, profile, operation)
      }
      await store.returnCustomer(organization, profile?.version ?? version)
    } catch (error) {
      await store.returnCustomer(organization, undefined)
      throw error
    }
  }
}

const BEHIND_MAX = 100

/** Tells Stripe of the profiles that it could not be told of when they changed. @returns how many */
export async function syncCustomers(context: SettlementContext): Promise<number> {
  const behind = await context.store.customersBehind(BEHIND_MAX)
  await oneByOne(behind, (organization) => syncCustomer(context, organization))
  return behind.length
}

/** Stripe's documents show it. */
async function syncVatId(
  { payments }: SettlementContext,
  customer: string,
  { vatId }: BillingProfile,
  operation: string,
): Promise<void> {
  const known = await payments.taxIds(customer)
  for (const old of known) {
    if (old.vatId !== vatId) await payments.removeTaxId({ customer, taxId: old.taxId })
  }
  if (vatId === undefined || known.some((one) => one.vatId === vatId)) return
  await payments.addTaxId({ customer, vatId, operation })
}

function detailsOf({ name, email, line1, line2, ...profile }: BillingProfile): CustomerDetails {
  const { postalCode, city, country } = profile
  const address = { line1, postalCode, city, country, ...(line2 !== undefined && { line2 }) }
  return { name, email, address }
}
