import { randomUUID } from 'node:crypto'
import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Basis } from '../rights/lawful-basis.ts'
import { createApiKey } from '../tenants/api-key.ts'
import type { Scope } from '../tenants/key-scopes.ts'
import type { Person } from './person.ts'
import { trialClaim } from './trial.ts'

export interface Founded {
  readonly organization: string
  /** The only time that anybody sees it. */
  readonly apiKey: string
  /** Pico-euro; 0 when the person, or the domain, had theirs. */
  readonly trialCredit: bigint
}

export interface NewFoundation {
  readonly name: string
  readonly scopes: readonly Scope[]
  /** On what its data are processed; it can be said later, but not after the first request. */
  readonly lawfulBasis?: Basis | undefined
}

/**
 * Makes an organization that belongs to a person, with a first key.
 *
 * @throws {SettlementError} HANSE_ORGANIZATIONS_MAX, HANSE_FORBIDDEN without a proven address
 */
export async function foundOrganization(
  { store, now, terms, euAudit }: Pick<SettlementContext, 'store' | 'now' | 'terms' | 'euAudit'>,
  person: Person,
  { name, scopes, lawfulBasis }: NewFoundation,
): Promise<Founded> {
  if (!person.isVerified) {
    throw new SettlementError('HANSE_FORBIDDEN', 'confirm your e-mail address first')
  }
  const organization = `org_${randomUUID()}`
  const { key, prefix, hash } = createApiKey()
  const amount = picoEuro(terms.trialCreditCents * PICO_PER_CENT)
  const trialCredit = await store.foundOrganization({
    organization,
    name,
    person: person.id,
    key: { prefix, hash, scopes },
    ...(amount > 0n && { trial: { ...trialClaim(person.email), amount } }),
    at: now(),
    ...(lawfulBasis !== undefined &&
      euAudit && { basis: { basis: lawfulBasis, by: `person:${person.id}` } }),
  })
  return { organization, apiKey: key, trialCredit }
}
