import type { SettlementContext } from '../context.ts'
import { jobFault } from '../jobs/job-fault.ts'
import { PACKAGE_KEPT_MS } from './audit-package.ts'
import { makePackage, NotYet } from './make-package.ts'
import type { ClaimedPackage } from './package-store.ts'

export interface PackagesRun {
  made: number
  failed: number
}

/** Longer than the largest takes: who has not said what became of it by then has died. */
const LEASE_MS = 10 * 60_000
/** An event gets its place within seconds. Whoever dies over a package again and again would do so for ever. */
const TRIES_MAX = 20

class Taken extends Error {}

/** Makes what was asked for. Any number of processes may do so on one database. */
export async function runPackages(
  context: SettlementContext,
  signal?: AbortSignal,
): Promise<PackagesRun> {
  const { store, now, log } = context
  const counts: PackagesRun = { made: 0, failed: 0 }
  // What was written before this has its place then.
  await log?.tick()
  while (signal?.aborted !== true) {
    const claimed = await store.claimAuditPackage(now(), LEASE_MS)
    if (claimed === undefined) break
    const outcome = await make(context, claimed)
    if (outcome === 'later') break
    counts[outcome]++
  }
  return counts
}

async function make(
  context: SettlementContext,
  claimed: ClaimedPackage,
): Promise<'made' | 'failed' | 'later'> {
  const { store, now } = context
  const { id, attempt } = claimed
  try {
    const archive = await makePackage(context, claimed, async (done, total) => {
      if (!(await store.tellAuditPackage(id, attempt, { done, total }))) throw new Taken()
    })
    const at = now()
    await store.keepAuditPackage(claimed, archive, { at, expiresAt: at + PACKAGE_KEPT_MS })
    return 'made'
  } catch (error) {
    if (error instanceof Taken) return 'later'
    const isLater = error instanceof NotYet && attempt < TRIES_MAX
    await store.endAuditPackage(claimed, isLater ? null : jobFault(error).message, now())
    return isLater ? 'later' : 'failed'
  }
}
