import { DELETION_AUTHORIZATIONS_MAX, DELETION_CONSUMERS_MAX } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import type { Subject } from '../rights/request-store.ts'

/** What remains of the month that an answer may take is for asking again, and for saying who did not answer. */
export const DELETION_DAYS = 21
const DAY_MS = 86_400_000

export type Side = 'provider' | 'consumer'

export interface PlannedErasure {
  readonly subject: Subject
  /** Hex. */
  readonly tombstone: string
  /** The request of the subject, where there is one. */
  readonly request: string | null
  /** Of the erasure, milliseconds since 1970. */
  readonly at: number
}

/**
 * Which nodes are to erase what, from what was promised to them and by them, before the rows go that say so. An erasure that
 * is done again after a restore plans the same: nodes know those requests already.
 *
 * @returns how many requests it takes
 */
export async function planDeletions(tx: Database, erasure: PlannedErasure): Promise<number> {
  const whose = authorizationsOf(erasure.subject)
  if (whose === undefined) return 0
  let planned = 0
  for (const side of ['provider', 'consumer'] as const) {
    const nodes = await rows<{ node: string }>(
      tx,
      sql`select distinct ${sql.identifier(side)} as node from spend_authorization a where ${whose} order by 1`,
    )
    for (const { node } of nodes) planned += await planNode(tx, erasure, whose, side, node)
  }
  return planned
}

/**
 * Where somebody’s authorizations are. Nodes know organizations by the nodes of these; a person by what was promised at
 * their request, if anything was. A provider’s own data are nobody else’s to erase.
 */
export function authorizationsOf({ kind, id }: Subject): SQL | undefined {
  if (kind === 'organization') return sql`a.organization = ${id}`
  if (kind === 'provider') return undefined
  return sql`exists (select from usage_spender u
    where u.organization = a.organization and u.id = a.spender and u.member = ${id})`
}

async function planNode(
  tx: Database,
  { subject, tombstone, request, at }: PlannedErasure,
  whose: SQL,
  side: Side,
  node: string,
): Promise<number> {
  const found = await rows<{ cid: string; consumer: string }>(
    tx,
    sql`select a.cid, a.consumer from spend_authorization a
      where ${whose} and a.${sql.identifier(side)} = ${node} order by a.serial`,
  )
  // A person’s gateway is their colleagues’ as well, and a gateway need not be told its own name.
  const all = side === 'provider' && subject.kind === 'organization'
  const consumers = all ? [...new Set(found.map(({ consumer }) => consumer))] : []
  const parts = inParts(
    consumers,
    found.map(({ cid }) => cid),
  )
  const written = parts.map((part, i) => ({
    part: i,
    consumers: JSON.stringify(part.consumers),
    authorizations: JSON.stringify(part.authorizations),
  }))
  await tx.execute(sql`insert into deletion_request
      (tombstone, rights_request, node, side, part, consumers, authorizations, at, due_at, state)
    select decode(${tombstone}, 'hex'), ${request}, ${node}, ${side}, part,
      array(select jsonb_array_elements_text(consumers::jsonb)), array(select jsonb_array_elements_text(authorizations::jsonb)),
      ${iso(at)}, ${iso(at + DELETION_DAYS * DAY_MS)}, 'open'
    from ${recordset(written, 'x(part int4, consumers text, authorizations text)')}
    on conflict do nothing`)
  return parts.length
}

/** As many records as it takes, each with what it has room for. */
export function inParts(
  consumers: readonly string[],
  authorizations: readonly string[],
): { readonly consumers: string[]; readonly authorizations: string[] }[] {
  const count = Math.max(
    Math.ceil(consumers.length / DELETION_CONSUMERS_MAX),
    Math.ceil(authorizations.length / DELETION_AUTHORIZATIONS_MAX),
  )
  return Array.from({ length: count }, (_, i) => ({
    consumers: sliceOf(consumers, i, DELETION_CONSUMERS_MAX),
    authorizations: sliceOf(authorizations, i, DELETION_AUTHORIZATIONS_MAX),
  }))
}

const sliceOf = (all: readonly string[], i: number, size: number) =>
  all.slice(i * size, (i + 1) * size)

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
