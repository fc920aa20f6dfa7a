import { cidOf, type RegionAttestation, type Residency, regionAttestation } from '@hanse/protocol'
import { and, gt, sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import type { Database } from '../db/database.ts'
import { attestation } from '../db/schema.ts'
import { decodeSigned } from './submission.ts'

/** What this service attested of a provider, and since when it does so no more. */
export interface KnownAttestation {
  /** CID. */
  readonly name: string
  readonly value: RegionAttestation
  /** Milliseconds since 1970. */
  readonly revokedAt: number | null
}

/** What a payout account alone is evidence of. */
const ACCOUNT_LEVEL = 3

/** Whether more than a payout account has to be looked at. */
export const asksForMore = ({ minLevel, evidence }: Residency): boolean =>
  minLevel > ACCOUNT_LEVEL || evidence !== undefined

/** By the provider's peer id; of those that were valid at `since`, ms since 1970, or later. */
export async function knownAttestations(
  tx: Database,
  peerIds: readonly string[],
  since: number,
): Promise<Map<string, KnownAttestation[]>> {
  if (peerIds.length === 0) return new Map()
  const found = await tx
    .select({
      provider: attestation.provider,
      signed: attestation.signed,
      revokedAt: attestation.revokedAt,
    })
    .from(attestation)
    .where(
      and(
        sql`${attestation.provider} = any(${textArray(peerIds)})`,
        gt(attestation.notAfter, new Date(since)),
      ),
    )
  const known = found.map(({ provider, signed, revokedAt }) => {
    const { bytes } = decodeSigned(signed)
    const name = cidOf(bytes).toString()
    const value = regionAttestation.decode(bytes)
    return { provider, name, value, revokedAt: revokedAt?.getTime() ?? null }
  })
  return Map.groupBy(known, ({ provider }) => provider)
}
