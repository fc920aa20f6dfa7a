import { z } from 'zod'
import { isEuState, isVatIdOf, normalVatId, standardRateBps } from '../tax/index.ts'
import type { DocumentTax, Party } from './document.ts'
import type { Seller } from './seller.ts'

/** The version of the terms under which we write providers' invoices; a provider agrees to one of them by name. */
export const SELF_BILLING_TERMS = '2026-11'

const TEXT_MAX = 120
const text = z.string().trim().min(1).max(TEXT_MAX)

/** What a provider says of itself. */
export const providerProfileSchema = z
  .strictObject({
    kind: z.enum(['business', 'small-business', 'private']),
    name: text,
    street: text,
    postalCode: text,
    city: text,
    country: z.string().regex(/^[A-Z]{2}$/u),
    vatId: z.string().max(20).transform(normalVatId).optional(),
    taxNumber: text.optional(),
    registration: text.optional(),
    email: text.optional(),
    /** The terms that the provider agrees to; without them there are statements, and no invoices. */
    selfBillingTerms: z.literal(SELF_BILLING_TERMS).optional(),
  })
  .refine(({ vatId, country }) => vatId === undefined || isOwn(vatId, country), {
    path: ['vatId'],
    error: 'not a VAT id of this country',
  })
  .refine(
    ({ kind, vatId, taxNumber }) => kind === 'private' || (vatId ?? taxNumber) !== undefined,
    {
      path: ['vatId'],
      error: 'a business has a VAT id or a tax number',
    },
  )
export type ProviderProfile = z.output<typeof providerProfileSchema>

/** A version of a profile, as it was said at a time (milliseconds since 1970). */
export interface StoredProviderProfile {
  readonly profile: ProviderProfile
  readonly version: number
  readonly at: number
}

const isOwn = (vatId: string, country: string): boolean =>
  isEuState(country) ? isVatIdOf(country, vatId) : vatId.length > 0

/** Of a provider that has said nothing, only what its payout account says. */
export function providerParty(
  provider: { readonly peerId: string; readonly country: string },
  profile: ProviderProfile | undefined,
): Party {
  const { peerId: id, country } = provider
  const address = { street: null, postalCode: null, city: null, country }
  if (profile === undefined) {
    return {
      ...address,
      id,
      name: id,
      vatId: null,
      taxNumber: null,
      registration: null,
      email: null,
    }
  }
  const { name, street, postalCode, city } = profile
  return {
    id,
    name,
    street,
    postalCode,
    city,
    country: profile.country,
    vatId: profile.vatId ?? null,
    taxNumber: profile.taxNumber ?? null,
    registration: profile.registration ?? null,
    email: profile.email ?? null,
  }
}

/**
 * Which VAT a provider's supply to the operator carries: the national rate at home, reverse charge from elsewhere (Art. 44
 * and 196), none from small enterprises and private persons.
 *
 * @param at milliseconds since 1970
 */
export function providerTax(profile: ProviderProfile, seller: Seller, at: number): DocumentTax {
  const { kind, country } = profile
  const none = { rateBps: 0, state: null, vatIdCheck: null }
  if (kind === 'private')
    return { ...none, category: 'O', rule: kind, note: 'Not a taxable person' }
  if (country !== seller.country) {
    return { ...none, category: 'AE', rule: 'rc_eu', state: seller.country, note: 'Reverse charge' }
  }
  if (kind === 'small-business') {
    return {
      ...none,
      category: 'E',
      rule: kind,
      note: 'VAT exempt: special scheme for small enterprises',
    }
  }
  const rateBps = standardRateBps(seller.country, at)
  const { country: state } = seller
  return { category: 'S', rateBps, rule: 'domestic', state, note: null, vatIdCheck: null }
}
