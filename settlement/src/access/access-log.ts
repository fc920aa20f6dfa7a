import type { FastifyRequest } from 'fastify'
import type { SettlementStore } from '../db/store.ts'
import type { AccessEntry } from './access-log-store.ts'

/** Ids in a route are ours, or a peer's: none is longer. What is, was made up. */
const TARGET_MAX = 128

/**
 * Writes down who did what. Nothing that was sent goes into it but the ids that the route names.
 *
 * @param entry `organization` is null where it is the platform's
 */
export async function recordAccess(
  store: Pick<SettlementStore, 'addAccess'>,
  entry: AccessEntry,
): Promise<void> {
  const targets = Object.fromEntries(
    Object.entries(entry.targets).map(([name, id]) => [name, id.slice(0, TARGET_MAX)]),
  )
  await store.addAccess({ ...entry, targets })
}

/** What of a request is written down, and from where it came. */
export function actionOf({
  method,
  routeOptions,
  params,
  ip,
}: FastifyRequest): Pick<AccessEntry, 'action' | 'targets' | 'address'> {
  const targets = Object.entries((params ?? {}) as Record<string, unknown>).flatMap(([name, id]) =>
    typeof id === 'string' ? [[name, id] as const] : [],
  )
  return {
    action: `${method} ${routeOptions.url ?? ''}`,
    targets: Object.fromEntries(targets),
    address: ip,
  }
}
