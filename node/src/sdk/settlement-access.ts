import type { ResidencyPolicy, Signer } from '@hanse/protocol'
import type { AuthorizationSource } from '../consumer/authorizer.ts'
import { SettlementClient } from '../settlement/settlement-client.ts'
import type { ResolvedOptions } from './options.ts'

export interface Payment {
  readonly source: AuthorizationSource | undefined
  /** Where the source is a settlement service. */
  readonly client: SettlementClient | undefined
  readonly residency: ResidencyPolicy
}

/**
 * Where authorizations come from, and whose word on locations counts: without attestors of one's own, the settlement
 * service that one pays through is believed.
 *
 * @throws {HanseError} HANSE_SETTLEMENT_UNAVAILABLE, HANSE_CONFIG_INVALID when it is of another network
 */
export async function openPayment(
  { settlement, networkName, allow, minLevel, trust }: ResolvedOptions,
  signer: Signer,
  now: () => number,
): Promise<Payment> {
  const policy = (trustedAttestors: readonly string[]) => ({ allow, minLevel, trustedAttestors })
  if (settlement === undefined || !('url' in settlement))
    return { source: settlement, client: undefined, residency: policy(trust ?? []) }
  const { url, apiKey } = settlement
  const client = new SettlementClient({
    url: url.replace(/\/+$/u, ''),
    apiKey,
    context: { network: networkName },
    signer,
    now,
  })
  return { source: client, client, residency: policy(trust ?? [await client.identity()]) }
}
