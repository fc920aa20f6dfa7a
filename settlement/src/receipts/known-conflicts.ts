import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import type { KnownLanes } from './booking-plan.ts'
import type { Claim, StatementClaim } from './claim.ts'

/**
 * Evidence that is kept of what a batch brings again. Hardly ever is there anything to ask: only what contradicts a receipt
 * or statement that is stored is looked for.
 *
 * @param claims under the keys of their sessions
 * @returns `session/sequence/cid` and `authorization/lane/sequence/cid`
 */
export async function knownConflicts(
  tx: Database,
  claims: readonly Claim[],
  receipts: ReadonlyMap<string, string>,
  statements: readonly StatementClaim[],
  lanes: KnownLanes,
): Promise<Set<string>> {
  const contradicting = claims.filter(({ session, sequence, receipt }) =>
    isOther(receipts.get(`${session}/${sequence}`), receipt),
  )
  const stated = statements.filter(({ authorization, lane, sequence, cid }) =>
    isOther(lanes.seats.get(`${authorization}/${lane}/${sequence}`), cid),
  )
  return new Set([...(await keptOf(tx, contradicting)), ...(await keptOfLanes(tx, stated))])
}

/** Lanes of these authorizations in which both sides signed two statements with one number. */
export async function frozenLanes(
  tx: Database,
  statements: readonly StatementClaim[],
): Promise<Set<string>> {
  const cids = [...new Set(statements.map(({ authorization }) => authorization))]
  const found = await rows<{ lane: string }>(
    tx,
    sql`select a.cid || '/' || f.lane as lane from frozen_lane f
      join spend_authorization a on a.serial = f.authorization_serial
      where a.cid = any(${textArray(cids)})`,
  )
  return new Set(found.map(({ lane }) => lane))
}

async function keptOf(tx: Database, claims: readonly Claim[]): Promise<string[]> {
  if (claims.length === 0) return []
  const cids = claims.map(({ receipt }) => receipt)
  const found = await rows<{ seat: string }>(
    tx,
    sql`select session || '/' || sequence || '/' || cid as seat from receipt_conflict
      where cid = any(${textArray(cids)})`,
  )
  return found.map(({ seat }) => seat)
}

async function keptOfLanes(tx: Database, statements: readonly StatementClaim[]): Promise<string[]> {
  if (statements.length === 0) return []
  const cids = statements.map(({ cid }) => cid)
  const found = await rows<{ seat: string }>(
    tx,
    sql`select a.cid || '/' || c.lane || '/' || c.sequence || '/' || c.cid as seat from statement_conflict c
      join spend_authorization a on a.serial = c.authorization_serial
      where c.cid = any(${textArray(cids)})`,
  )
  return found.map(({ seat }) => seat)
}

const isOther = (seen: string | undefined, cid: string) => seen !== undefined && seen !== cid
