import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { clearedColumns, REGISTER, type SubjectKind } from './register/index.ts'

/** A column that can be emptied, as the database has it. */
export interface ClearableColumn {
  readonly name: string
  /** As `format_type` writes it. */
  readonly type: string
  readonly isNullable: boolean
}

/** What stands in a column for nothing, as JSON has it. */
const NOTHING: Readonly<Record<string, unknown>> = {
  text: '',
  'text[]': [],
  jsonb: {},
  bytea: String.raw`\x`,
}

/** The columns of a table that an erasure empties, without those that are computed from others. */
export async function clearableColumns(tx: Database, table: string): Promise<ClearableColumn[]> {
  const cleared = clearedColumns(table)
  const columns = await rows<ClearableColumn>(
    tx,
    sql`select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as "isNullable"
      from pg_attribute a where a.attrelid = ${`public.${table}`}::regclass and a.attnum > 0
        and not a.attisdropped and a.attgenerated = '' order by a.attnum`,
  )
  return columns.filter(({ name }) => cleared.includes(name))
}

/** Those that are emptied of one kind of subject: all, where the register does not name some. */
export function clearedFor(
  table: string,
  kind: SubjectKind,
  columns: readonly ClearableColumn[],
): ClearableColumn[] {
  const only = REGISTER[table]?.clears?.[kind]?.split(' ')
  return columns.filter(({ name }) => only === undefined || only.includes(name))
}

/**
 * What stands in an emptied column of a row, as JSON has it.
 *
 * @throws {Error} where nothing can: the register has to say what, and a test finds it
 */
export function clearedValue(
  table: string,
  { name, type, isNullable }: ClearableColumn,
  row: Readonly<Record<string, unknown>>,
): unknown {
  const instead = REGISTER[table]?.instead?.[name]
  if (instead !== undefined) {
    return instead.replaceAll(COLUMN, (_, column: string) => String(row[column]))
  }
  if (isNullable) return null
  const nothing = NOTHING[type]
  if (nothing === undefined) throw new Error(`${table}.${name} cannot be emptied: say what instead`)
  return nothing
}

/** The same in a statement. */
export function clearedSql(table: string, column: ClearableColumn): SQL {
  const instead = REGISTER[table]?.instead?.[column.name]
  if (instead === undefined) {
    const value = clearedValue(table, column, {})
    if (value === null) return sql`null`
    const text = typeof value === 'string' ? value : type(column.type, value)
    return sql`${text}::text::${sql.raw(column.type)}`
  }
  const parts = instead.split(COLUMN).map((part, i) =>
    // What matched lies at the odd places.
    i % 2 === 1 ? sql`${sql.identifier(part)}::text` : sql`${part}::text`,
  )
  return sql.join(parts, sql` || `)
}

const type = (name: string, value: unknown): string =>
  name === 'jsonb' ? JSON.stringify(value) : '{}'

const COLUMN = /\{(\w+)\}/gu
