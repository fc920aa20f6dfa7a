import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import type { TrailEvent, TrailFacts } from './trail-event.ts'

/** Of sessions, statements and authorizations that events are about: by whom and for whom, by the CID of what they name. */
export async function factsOf(
  db: Database,
  events: readonly TrailEvent[],
): Promise<ReadonlyMap<string, TrailFacts>> {
  const sessions = new Map<string, string>()
  const statements: string[] = []
  const authorizations: string[] = []
  for (const { kind, record, details } of events) {
    const session = details?.session
    if (record === null) continue
    if (kind === 'receipt-settled' && typeof session === 'string') sessions.set(record, session)
    if (kind === 'statement-settled') statements.push(record)
    if (kind === 'authorization-issued') authorizations.push(record)
  }
  if (sessions.size + statements.length + authorizations.length === 0) return new Map()
  const found = await rows<TrailFacts & { about: string }>(
    db,
    sql`with asked as (
        select s.session as about, s.provider, s.consumer, s.organization, a.spender
          from settled_session s left join spend_authorization a on a.serial = s.authorization_serial
          where s.session = any(${textArray([...new Set(sessions.values())])})
        union all
        select t.cid, a.provider, a.consumer, a.organization, a.spender
          from settled_statement t join spend_authorization a on a.serial = t.authorization_serial
          where t.cid = any(${textArray(statements)})
        union all
        select a.cid, a.provider, a.consumer, a.organization, a.spender from spend_authorization a
          where a.cid = any(${textArray(authorizations)}))
      select q.about, q.provider, q.consumer, nullif(u.key, '') as key, nullif(u.member, '') as member
      from asked q left join usage_spender u on u.organization = q.organization and u.id = q.spender`,
  )
  const known = new Map(found.map(({ about, ...facts }) => [about, facts]))
  for (const [record, session] of sessions) {
    const facts = known.get(session)
    if (facts !== undefined) known.set(record, facts)
  }
  return known
}
