import { clearlyAbove } from '../lab/index.ts'
import type { Kind, MemoryRow } from './memory.ts'
import type { LoadResult } from './run-load.ts'

/** MiB that one process may hold: what it was seen to hold after an hour of work, and half as much again. */
const RSS_MOST: Readonly<Record<Kind, number>> = {
  engine: 256,
  gateway: 640,
  provider: 512,
  relay: 512,
  settlement: 2_048,
  simulation: 768,
}
/** MiB a minute, as in the soak with peers that misbehave: what ten minutes can tell from the noise. */
const HEAP_SLOPE_MOST = 0.25
/** Settlement keeps its database, and what it reads of it, in the same process. */
const SETTLEMENT_SLOPE_MOST = 2
const SLOPE_MINUTES_LEAST = 10
/** Providers are killed in the middle of answers, and another goes on: hardly any client sees it. */
const SERVED_SHARE_LEAST = 0.98

/** What was promised and did not hold; empty when all is well. */
export function judge(result: LoadResult): string[] {
  const { reconciliation, checks, complaints, leftovers, total, memoryMost, plan } = result
  const lastMemory = result.minutes.at(-1)?.memory ?? []
  return [
    ...reconciliation.differences.map((difference) => `books: ${difference}`),
    ...(checks.isLedgerBalanced ? [] : ['ledger check: it does not balance']),
    ...(checks.logDifferences.length === 0
      ? []
      : [`log check: ${JSON.stringify(checks.logDifferences)}`]),
    ...(checks.isLogVerified ? [] : ['hanse log verify: the log of settlement does not verify']),
    ...complaints,
    ...leftovers.map((left) => `left behind: ${left}`),
    ...(total.sessions > 0 ? [] : ['no session was served: the run says nothing']),
    ...(1 - total.failedShare >= SERVED_SHARE_LEAST
      ? []
      : [`${(total.failedShare * 100).toFixed(1)} % of the sessions failed`]),
    ...Object.entries(memoryMost).flatMap(([kind, mib]) =>
      mib <= RSS_MOST[kind as Kind] ? [] : [`a ${kind} held ${mib} MiB`],
    ),
    ...(plan.minutes < SLOPE_MINUTES_LEAST || result.isCutShort
      ? []
      : lastMemory.flatMap(growthOf)),
  ]
}

function growthOf({ kind, heapSlope }: MemoryRow): string[] {
  const most = kind === 'settlement' ? SETTLEMENT_SLOPE_MOST : HEAP_SLOPE_MOST
  return heapSlope !== null && clearlyAbove(heapSlope, most)
    ? [`the live heap of a ${kind} grows by ${heapSlope.perMinute.toFixed(2)} MiB a minute`]
    : []
}
