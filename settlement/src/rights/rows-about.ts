import { type SQL, sql } from 'drizzle-orm'
import { REGISTER } from './register/index.ts'
import type { Subject } from './request-store.ts'

/**
 * The rows of a table that are about a subject, as the register says whose they are: to stand in `where`, of a statement on
 * that table alone. Undefined where the register knows no way from a row to such a subject.
 */
export function rowsAbout(table: string, subject: Subject): SQL | undefined {
  const record = REGISTER[table]
  const column = record?.whose?.[subject.kind]
  if (column !== undefined) return sql`${sql.identifier(column)} in (${namesOf(subject)})`
  if (record?.of === undefined) return undefined
  const { of } = record
  const parents = rowsAbout(of.table, subject)
  if (parents === undefined) return undefined
  return sql`${sql.identifier(of.column)} in
    (select ${sql.identifier(of.key)} from ${sql.identifier(of.table)} where ${parents})`
}

/** A person is named by their id, or as the one who acted. */
export const namesOf = ({ kind, id }: Subject): SQL =>
  kind === 'person' ? sql`${id}, ${`person:${id}`}` : sql`${id}`
