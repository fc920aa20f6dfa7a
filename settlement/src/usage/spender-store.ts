import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import {
  boundTags,
  digestOfSpender,
  isNobody,
  OTHER_TAG,
  SPENDERS_MAX,
  USAGE_TAGS_MAX,
  type UsageSpender,
  withTags,
} from './spender.ts'

export interface SpenderLimits {
  readonly tags: number
  readonly spenders: number
}

const LIMITS: SpenderLimits = { tags: USAGE_TAGS_MAX, spenders: SPENDERS_MAX }

export function spenderStore(db: Database) {
  return {
    /** See `internSpender`. */
    internSpender: (
      organization: string,
      spender: UsageSpender,
      at: number,
      limits?: SpenderLimits,
    ): Promise<bigint | null> => internSpender(db, organization, spender, at, limits),
  }
}

/**
 * The number of who spends. It is made when it is new; limits bound how many there are.
 *
 * @returns null where nothing is known of whoever spends
 */
export async function internSpender(
  db: Database,
  organization: string,
  given: UsageSpender,
  at: number,
  limits: SpenderLimits = LIMITS,
): Promise<bigint | null> {
  const spender = withTags(given, [])
  if (isNobody(spender)) return null
  return (
    (await find(db, organization, spender)) ??
    transact(db, (tx) => intern(tx, organization, spender, at, limits))
  )
}

async function find(
  db: Database,
  organization: string,
  spender: UsageSpender,
): Promise<bigint | undefined> {
  const [row] = await rows<{ id: string }>(
    db,
    sql`select id::text from usage_spender
      where organization = ${organization} and digest = ${digestOfSpender(spender)}`,
  )
  return row && BigInt(row.id)
}

/** One at a time for an organization, so that two new tags do not both find the last place free. */
async function intern(
  tx: Database,
  organization: string,
  spender: UsageSpender,
  at: number,
  limits: SpenderLimits,
): Promise<bigint> {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended('usage_spender/' || ${organization}, 0))`,
  )
  const bounded = await within(tx, organization, spender, limits)
  const known = await find(tx, organization, bounded)
  if (known !== undefined) return known
  const { key, member, tags } = bounded
  const [row] = await rows<{ id: string }>(
    tx,
    sql`insert into usage_spender (organization, digest, key, member, tags, created_at)
      values (${organization}, ${digestOfSpender(bounded)}, ${key}, ${member}, ${textArray(tags)},
        ${new Date(at).toISOString()}::timestamptz)
      returning id::text`,
  )
  if (row === undefined) throw new Error('an insert returns its row')
  return BigInt(row.id)
}

async function within(
  tx: Database,
  organization: string,
  spender: UsageSpender,
  limits: SpenderLimits,
): Promise<UsageSpender> {
  const found = await rows<{ tag: string }>(
    tx,
    sql`select distinct tag from usage_spender, unnest(tags) tag
      where organization = ${organization} and tag <> ${OTHER_TAG}`,
  )
  const tags = boundTags(spender.tags, new Set(found.map(({ tag }) => tag)), limits.tags)
  const bounded = { ...spender, tags }
  if (tags.length === 0 || (await find(tx, organization, bounded)) !== undefined) return bounded
  const [count] = await rows<{ n: number }>(
    tx,
    sql`select count(*)::int4 as n from usage_spender where organization = ${organization}`,
  )
  return (count?.n ?? 0) < limits.spenders ? bounded : { ...spender, tags: [OTHER_TAG] }
}
