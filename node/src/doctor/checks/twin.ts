import { ERRORS } from '@hanse/protocol'
import { type Finding, fail, ok } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'

/** Two daemons with one identity take each other's place in the DHT, and receipts of either confuse the other. */
export function identityAlone({ status, stranger }: ProviderFacts): Finding | undefined {
  const id = 'identity.twin'
  if (status === undefined || stranger === undefined || !stranger.joined) return undefined
  const { twin } = stranger
  if (twin === undefined) return ok(id, 'no other daemon was seen with this identity')
  const facts = {
    peerId: status.peerId,
    addresses: twin.addresses,
    signedAt: new Date(twin.issuedAt).toISOString(),
  }
  const title = `another daemon signs with this identity, at ${twin.addresses[0] ?? 'an unknown address'}`
  return fail(id, title, ERRORS.HANSE_IDENTITY_TWIN.advice, facts)
}
