import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { tombstoneOf } from '../rights/tombstone.ts'

/** As Stripe writes them; what we gave it to remember an organization by is in its metadata. */
const CUSTOMER = /"customer"\s*:\s*"([^"\\]{1,255})"/gu
const ORGANIZATION = /"organization"\s*:\s*"([^"\\]{1,255})"/gu

/**
 * Whether an event tells of somebody who was erased: of a customer whom nobody here has, or of an organization with a
 * tombstone. Events come days late, and are fetched again where they were missed.
 */
export async function isForgotten(tx: Database, body: Uint8Array): Promise<boolean> {
  const text = Buffer.from(body).toString('utf8')
  const customers = namesIn(text, CUSTOMER)
  const tombstones = namesIn(text, ORGANIZATION).map((id) =>
    tombstoneOf({ kind: 'organization', id }),
  )
  if (customers.length === 0 && tombstones.length === 0) return false
  const found = await rows(
    tx,
    sql`select from unnest(${textArray(customers)}) c (name)
        where not exists (select from billing_customer b where b.customer = c.name)
      union all
      select from erasure where encode(tombstone, 'hex') = any(${textArray(tombstones)})
      limit 1`,
  )
  return found.length > 0
}

const namesIn = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
]
