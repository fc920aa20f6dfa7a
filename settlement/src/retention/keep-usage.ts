import type { SettlementContext } from '../context.ts'
import { USAGE_KEPT_MS, type UsagePartitions } from '../usage/partitions.ts'
import { periodsOf } from './run-retention.ts'

const DAY_MS = 86_400_000

/** Makes and drops partitions of single requests; none is dropped while anything holds one of them. */
export async function keepUsage(context: SettlementContext): Promise<UsagePartitions> {
  const { store, now, euAudit } = context
  if (!euAudit) return store.keepUsagePartitions(now(), USAGE_KEPT_MS)
  const days = periodsOf(context)['request-metadata']
  const keptMs = days === undefined ? USAGE_KEPT_MS : days * DAY_MS
  return store.keepUsagePartitions(now(), (await store.isUsageHeld()) ? null : keptMs)
}
