import type { SettlementContext } from '../context.ts'
import type { Sides } from './build-payment.ts'
import type { Party } from './document.ts'
import { providerParty, type StoredProviderProfile } from './provider-profile.ts'
import { type Seller, sellerOf } from './seller.ts'

/** Who runs the service; where nobody has said, a placeholder that makes every document a test. */
export const operatorOf = ({ seller, signer }: SettlementContext): Seller =>
  seller ?? sellerOf(undefined, signer.peerId)

/** The operator sells to an organization. */
export async function salesSides(context: SettlementContext, organization: string): Promise<Sides> {
  const { party, test } = operatorOf(context)
  return { seller: party, buyer: await organizationParty(context, organization), test }
}

/** A provider sells to the operator. */
export function purchaseSides(
  context: SettlementContext,
  provider: { readonly peerId: string; readonly country: string },
  stored: StoredProviderProfile | undefined,
): Sides {
  const { party, test } = operatorOf(context)
  return { seller: providerParty(provider, stored?.profile), buyer: party, test }
}

/** As the organization has said it; before that, and after an erasure, only its name. */
async function organizationParty({ store }: SettlementContext, id: string): Promise<Party> {
  const profile = await store.billingProfile(id)
  if (profile === undefined) {
    return { ...NOTHING_KNOWN, id, name: (await store.organizationName(id)) ?? id }
  }
  const { name, line1, line2, postalCode, city, country, vatId, email } = profile
  return {
    ...NOTHING_KNOWN,
    id,
    name,
    street: line2 === undefined ? line1 : `${line1}, ${line2}`,
    postalCode,
    city,
    country,
    vatId: vatId ?? null,
    email,
  }
}

const NOTHING_KNOWN = {
  street: null,
  postalCode: null,
  city: null,
  country: null,
  vatId: null,
  taxNumber: null,
  registration: null,
  email: null,
} as const
