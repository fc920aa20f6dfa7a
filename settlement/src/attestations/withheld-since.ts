import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import type { Database } from '../db/database.ts'
import { attestationBlock, locationEvidence } from '../db/schema.ts'
import { contradiction } from './evidence.ts'

/**
 * Since when this service attests nothing of providers although their payout accounts are good: it was told or shown that
 * they are elsewhere. Milliseconds since 1970 by peer id; of others there is nothing.
 */
export async function withheldSince(
  tx: Database,
  peerIds: readonly string[],
  at: number,
): Promise<Map<string, number>> {
  if (peerIds.length === 0) return new Map()
  const blocks = await tx
    .select()
    .from(attestationBlock)
    .where(
      sql`${attestationBlock.provider} = any(${textArray(peerIds)}) and ${attestationBlock.liftedAt} is null`,
    )
  const evidence = await tx
    .select({
      provider: locationEvidence.provider,
      kind: locationEvidence.kind,
      outcome: locationEvidence.outcome,
      observedAt: locationEvidence.observedAt,
    })
    .from(locationEvidence)
    .where(
      sql`${locationEvidence.provider} = any(${textArray(peerIds)}) and ${locationEvidence.expiresAt} > ${new Date(at).toISOString()}::timestamptz`,
    )
  const since = new Map(blocks.map((block) => [block.provider, block.at.getTime()]))
  const known = evidence.map((row) => ({ ...row, observedAt: row.observedAt.getTime() }))
  for (const [provider, own] of Map.groupBy(known, (row) => row.provider)) {
    const against = contradiction(own)
    if (against === undefined) continue
    since.set(provider, Math.min(since.get(provider) ?? Infinity, against.observedAt))
  }
  return since
}
