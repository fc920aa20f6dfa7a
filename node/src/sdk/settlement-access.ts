import type { ResidencyPolicy, Signer, SigningContext } from '@hanse/protocol'
import type { AuthorizationSource } from '../consumer/authorizer.ts'
import { RevokedAttestations } from '../settlement/revoked-attestations.ts'
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
  { settlement, networkName, allow, minLevel, evidence, trust }: ResolvedOptions,
  signer: Signer,
  now: () => number,
): Promise<Payment> {
  const policy = (trustedAttestors: readonly string[]): ResidencyPolicy => ({
    allow,
    minLevel,
    ...(evidence !== undefined && { evidence }),
    trustedAttestors,
  })
  if (settlement === undefined || !('url' in settlement))
    return { source: settlement, client: undefined, residency: policy(trust ?? []) }
  const { url, apiKey, session, organization } = settlement
  const client = new SettlementClient({
    url: url.replace(/\/+$/u, ''),
    apiKey,
    session,
    organization,
    context: { network: networkName },
    signer,
    now,
  })
  return { source: client, client, residency: policy(trust ?? [await client.identity()]) }
}

/** The SDK writes no log. */
const SILENT = { info: () => {}, warn: () => {} }

/**
 * Reads, as long as the consumer is open, which attestations were taken back. @returns whether one was, by its CID;
 * `undefined` where there is no settlement service to ask
 */
export function watchRevocations(
  settlement: SettlementClient | undefined,
  context: SigningContext,
  stack: AsyncDisposableStack,
): ((cid: string) => boolean) | undefined {
  if (settlement === undefined) return undefined
  const revoked = stack.use(new RevokedAttestations({ context, settlement, log: SILENT }))
  revoked.start()
  return (cid) => revoked.has(cid)
}
