import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

/** A table as the catalog has it; partitions are part of their parent. */
export interface CatalogTable {
  readonly name: string
  /** Without those that are computed from others. */
  readonly columns: readonly string[]
}

/** Made by the program itself, whatever is restored; and so is the queue of jobs, in a schema of its own. */
const OWN = ['migration']

/** In a statement: no search path decides which table is meant. */
export const qualified = (name: string): string => `"public"."${name}"`

/** All tables, each after those that it refers to. */
export async function tablesOf(tx: Database): Promise<CatalogTable[]> {
  const tables = await rows<{ name: string; columns: string[] }>(
    tx,
    sql`select c.relname as name, json_agg(a.attname order by a.attnum) as columns
      from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      group by c.relname order by c.relname`,
  )
  const references = await rows<{ from: string; to: string }>(
    tx,
    sql`select f.relname as "from", t.relname as "to" from pg_constraint k
      join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
      where k.connamespace = 'public'::regnamespace and k.contype = 'f' and k.conrelid <> k.confrelid
        and k.conparentid = 0`,
  )
  return sorted(
    tables.filter(({ name }) => !OWN.includes(name)),
    references,
  )
}

export async function partitionsOf(
  tx: Database,
): Promise<{ name: string; parent: string; bound: string }[]> {
  return rows(
    tx,
    sql`select c.relname as name, p.relname as parent, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
      where c.relnamespace = 'public'::regnamespace and c.relispartition and c.relkind = 'r' order by 1`,
  )
}

/** Sequences that were used, with the last number they gave. */
export async function sequencesOf(tx: Database): Promise<{ name: string; value: string }[]> {
  return rows(
    tx,
    sql`select sequencename as name, last_value::text as value from pg_sequences
      where schemaname = 'public' and last_value is not null order by 1`,
  )
}

function sorted(
  tables: readonly CatalogTable[],
  references: readonly { from: string; to: string }[],
): CatalogTable[] {
  const done: CatalogTable[] = []
  let left = [...tables]
  while (left.length > 0) {
    const free = left.filter(
      ({ name }) =>
        !references.some(
          ({ from, to }) => from === name && left.some((table) => table.name === to),
        ),
    )
    if (free.length === 0)
      throw new Error(`${left.map(({ name }) => name).join(', ')} refer to one another`)
    done.push(...free)
    left = left.filter((table) => !free.includes(table))
  }
  return done
}
