import type { FastifyRequest } from 'fastify'
import { actionOf, recordAccess } from '../access/access-log.ts'
import type { SettlementContext } from '../context.ts'
import type { Viewer } from './trail-event.ts'

/**
 * Writes down that somebody looks into a trail, in the log of access and in the trail itself. It comes before the look: what
 * cannot be written down is not shown.
 *
 * @param filters what was asked by, never for what
 */
export async function noteLook(
  { store, now }: SettlementContext,
  request: FastifyRequest,
  viewer: Viewer,
  actor: string,
  filters: readonly string[] = [],
): Promise<void> {
  const at = now()
  const { action, targets, address } = actionOf(request)
  const asked = filters.length === 0 ? {} : { filters: filters.join(' ') }
  await recordAccess(store, {
    organization: viewer === 'platform' ? null : viewer.organization,
    actor,
    action,
    targets: { ...targets, ...asked },
    address,
    outcome: 'ok',
    at,
  })
  await store.noteTrailRead(viewer, { by: actor, action, ...asked }, at)
}
