import type { FastifyBaseLogger } from 'fastify'
import type { PlaceRefused } from '../consumer/recipient-check.ts'
import type { AuditLog } from './audit-log.ts'

export interface RefusalNotesOptions {
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  readonly now: () => number
}

/** While offers are compared, each request meets the same providers again: what has been noted is noted again in an hour. */
const AGAIN_MS = 60 * 60_000
/** Peer ids cost nothing: beyond as many, the one that was noted first is forgotten. */
const NOTED_MAX = 1_000

/** Writes into the audit log which providers got no prompt for their place, and why. */
export function refusalsNote(
  audit: AuditLog | undefined,
  { log, now }: RefusalNotesOptions,
): (refused: PlaceRefused) => void {
  const noted = new Map<string, number>()
  return (refused) => {
    const { place, provider, country, reason, message, policy } = refused
    // On the way to be sent a prompt, each is one that was stopped.
    if (place === 'discovery' && !isNew(noted, `${provider} ${reason}`, now())) return
    log.warn({ provider, country, place, reason }, `no prompt leaves: ${message}`)
    audit?.noteOf(provider, { kind: 'residency', role: 'consumer', place, reason, country, policy })
  }
}

function isNew(noted: Map<string, number>, key: string, now: number): boolean {
  const last = noted.get(key)
  if (last !== undefined && now - last < AGAIN_MS) return false
  noted.delete(key)
  noted.set(key, now)
  const [first] = noted.keys()
  if (noted.size > NOTED_MAX && first !== undefined) noted.delete(first)
  return true
}
