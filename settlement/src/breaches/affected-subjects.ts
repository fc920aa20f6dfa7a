import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import {
  columnsOf,
  type DataClass,
  REGISTER,
  type SubjectKind,
  type TableRecord,
} from '../rights/register/index.ts'

/** What of the database a breach has touched: kinds of data, and of the tables that hold some, these alone or all. */
export interface TouchedData {
  readonly classes: readonly DataClass[]
  readonly tables?: readonly string[] | undefined
}

export interface TouchedTable {
  readonly table: string
  /** What it is for. */
  readonly purpose: TableRecord['purpose']
  readonly columns: readonly { readonly column: string; readonly class: DataClass }[]
}

/** Somebody who is in it. */
export interface AffectedSubject {
  readonly subject: string
  /** Of a person and an organization; null of who was erased, and of providers, of whom none is known. */
  readonly name: string | null
  readonly email: string | null
  readonly tables: readonly string[]
}

/** The tables that hold such data about such subjects, as the register of personal data has them. */
export const touchedTables = (
  kind: SubjectKind,
  { classes, tables }: TouchedData,
): TouchedTable[] =>
  Object.keys(REGISTER)
    .filter((table) => tables?.includes(table) ?? true)
    .filter((table) => subjectsIn(table, kind) !== undefined)
    .flatMap((table) => {
      const columns = columnsOf(table)
        .filter((column) => classes.includes(column.class))
        .map(({ column, class: dataClass }) => ({ column, class: dataClass }))
      const purpose = REGISTER[table]?.purpose
      return columns.length === 0 || purpose === undefined ? [] : [{ table, purpose, columns }]
    })

export function affectedSubjectStore(db: Database) {
  return {
    /** Who is in such data now, by id (Art. 33 (3) (a) and 34 GDPR); who was erased is in it no more. */
    affectedSubjects: async (
      kind: SubjectKind,
      data: TouchedData,
      page: { readonly after: string; readonly limit: number },
    ): Promise<AffectedSubject[]> => {
      const seen = seenIn(kind, data)
      if (seen === undefined) return []
      return rows<AffectedSubject>(
        db,
        sql`select ${SHOWN[kind]}, array_agg(x.in_table order by x.in_table) as tables
          from (${seen}) x join ${OWN[kind]} where s.id > ${page.after}
          group by 1, 2, 3 order by 1 limit ${page.limit}`,
      )
    },

    affectedSubjectCount: async (kind: SubjectKind, data: TouchedData): Promise<number> => {
      const seen = seenIn(kind, data)
      if (seen === undefined) return 0
      const [found] = await rows<{ count: number }>(
        db,
        sql`select count(distinct x.subject)::int4 as count from (${seen}) x join ${OWN[kind]} where true`,
      )
      return found?.count ?? 0
    },
  }
}

/** What an erasure writes there instead. */
const ERASED_NAME = REGISTER.organization?.instead?.name ?? ''

/** An id in a table may be an actor's, or of somebody who was erased: only who is here counts. */
const OWN: Readonly<Record<SubjectKind, SQL>> = {
  person: sql`(select id, name, email from person where erased_at is null) s on s.id = x.subject`,
  organization: sql`(select id, name from organization where name <> ${ERASED_NAME}) s on s.id = x.subject`,
  provider: sql`(select peer_id as id from provider) s on s.id = x.subject`,
}

const SHOWN: Readonly<Record<SubjectKind, SQL>> = {
  person: sql`s.id as subject, s.name, s.email`,
  organization: sql`s.id as subject, s.name, null as email`,
  provider: sql`s.id as subject, null as name, null as email`,
}

/** Each table is read once, whoever is asked for: (subject, name of the table). */
function seenIn(kind: SubjectKind, data: TouchedData): SQL | undefined {
  const found = touchedTables(kind, data).flatMap(({ table }) => {
    const subjects = subjectsIn(table, kind)
    return subjects === undefined
      ? []
      : [sql`select distinct subject, ${table}::text as in_table from (${subjects}) t`]
  })
  return found.length === 0 ? undefined : sql.join(found, sql` union all `)
}

/** Whom the rows of a table are about: by a column of its own, or by the row of another table that they belong to. */
function subjectsIn(table: string, kind: SubjectKind): SQL | undefined {
  const found = wayTo(table, kind, 0)
  if (found === undefined) return undefined
  return sql`select ${named(kind, found.column)} as subject from ${found.from}`
}

/** Rows of `table` under the alias `t<depth>`, joined to those that say whose they are. */
function wayTo(table: string, kind: SubjectKind, depth: number): Way | undefined {
  const record = REGISTER[table]
  const alias = sql.identifier(`t${depth}`)
  const here = sql`${sql.identifier(table)} ${alias}`
  const column = record?.whose?.[kind]
  if (column !== undefined) return { from: here, column: sql`${alias}.${sql.identifier(column)}` }
  if (record?.of === undefined) return undefined
  const { of } = record
  const parents = wayTo(of.table, kind, depth + 1)
  if (parents === undefined) return undefined
  const parent = sql`${sql.identifier(`t${depth + 1}`)}.${sql.identifier(of.key)}`
  const from = sql`${here} join ${parents.from} on ${alias}.${sql.identifier(of.column)} = ${parent}`
  return { from, column: parents.column }
}

interface Way {
  readonly from: SQL
  readonly column: SQL
}

/** People are named by their id, or as the one who acted. */
const named = (kind: SubjectKind, column: SQL): SQL =>
  kind === 'person' ? sql`regexp_replace(${column}, '^person:', '')` : column
