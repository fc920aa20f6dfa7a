import { z } from 'zod'
import { EU_STATES, type EuState, normalVatId, stateOfVatId, type TaxSeller } from '../tax/index.ts'
import type { Party } from './document.ts'

/** The longest lines that fit the head of an invoice. */
const TEXT_MAX = 120
const text = z.string().trim().min(1).max(TEXT_MAX)

/** The operator, as the table `[settlement.seller]` of hanse.toml names it. */
export const sellerSetting = z.strictObject({
  name: text,
  street: text,
  postalCode: text,
  city: text,
  country: z.enum(EU_STATES),
  vatId: z
    .string()
    .transform(normalVatId)
    .refine((id) => stateOfVatId(id) !== undefined, { error: 'not a VAT id' }),
  taxNumber: text.optional(),
  registration: text.optional(),
  email: text.optional(),
  iban: text.optional(),
  bic: text.optional(),
  /** Since when consumers of other states are declared in the one-stop shop. */
  ossSince: z.iso.date().optional(),
})

export type SellerSetting = z.output<typeof sellerSetting>

/** Who sells: the operator of this service. */
export interface Seller extends TaxSeller {
  readonly party: Party
  readonly iban: string | null
  readonly bic: string | null
  /** Nobody has said who the operator is: every document says that it is a test. */
  readonly test: boolean
}

/** @param id the service's peer id */
export function sellerOf(setting: SellerSetting | undefined, id: string): Seller {
  if (setting === undefined) return placeholder(id)
  const { name, street, postalCode, city, country, vatId, ossSince } = setting
  return {
    country,
    ossSince: ossSince === undefined ? null : Date.parse(ossSince),
    party: {
      id,
      name,
      street,
      postalCode,
      city,
      country,
      vatId,
      taxNumber: setting.taxNumber ?? null,
      registration: setting.registration ?? null,
      email: setting.email ?? null,
    },
    iban: setting.iban ?? null,
    bic: setting.bic ?? null,
    test: false,
  }
}

/** Complete, so that a trial shows what an invoice will look like, and nobody's. */
const placeholder = (id: string): Seller => ({
  country: 'DE' satisfies EuState,
  ossSince: 0,
  party: {
    id,
    name: 'Example Operator (test)',
    street: 'Musterstraße 1',
    postalCode: '10115',
    city: 'Berlin',
    country: 'DE',
    vatId: 'DE123456789',
    taxNumber: null,
    registration: null,
    email: null,
  },
  iban: null,
  bic: null,
  test: true,
})
