import { type SQL, sql } from 'drizzle-orm'

/** What a column of a list may hold; money goes as text. */
export type ListValue = string | number | bigint | boolean | null | undefined

/**
 * Rows as parameters of a statement, an array for each column. The server reads them in half of the time that it takes for
 * the same rows as one JSON document, and they are made in a quarter of it.
 *
 * @param as a name with the columns and their types, such as `x(session text, sequence int8)`; the rows have them as keys
 * @returns to stand in `from`
 */
export function recordset<Row extends object>(rows: readonly Row[], as: string): SQL {
  const { name, columns } = parseColumns(as)
  const arrays = columns.map(({ key, type }) => {
    const values = rows.map((row) => (row as Record<string, ListValue>)[key])
    return sql`${arrayText(values)}::${sql.raw(type)}[]`
  })
  const names = columns.map((column) => column.name).join(', ')
  return sql`unnest(${sql.join(arrays, sql`, `)}) as ${sql.raw(`${name}(${names})`)}`
}

/** An array of texts as one parameter, however long it is; to stand in `= any(…)`. */
export const textArray = (values: readonly string[]): SQL => sql`${arrayText(values)}::text[]`

interface Column {
  /** As the statement writes it, perhaps in quotes. */
  readonly name: string
  readonly key: string
  readonly type: string
}

const parsed = new Map<string, { name: string; columns: Column[] }>()

/** Statements are few and run often: each is read once. */
function parseColumns(as: string): { name: string; columns: Column[] } {
  const known = parsed.get(as)
  if (known !== undefined) return known
  const [, name = '', list = ''] = /^(\w+)\(([^()]*)\)$/u.exec(as) ?? []
  const columns = list.split(',').map((column) => {
    const [written = '', type = ''] = column.trim().split(/\s+/u)
    return { name: written, key: written.replaceAll('"', ''), type }
  })
  if (columns.some(({ type }) => type === '')) throw new Error(`no list of columns: ${as}`)
  const result = { name, columns }
  parsed.set(as, result)
  return result
}

/** PostgreSQL's text form of an array (documentation, 8.15.6): every text in quotes, so that none is taken for NULL. */
function arrayText(values: readonly ListValue[]): string {
  const texts = values.map((value) => (isNone(value) ? '' : String(value)))
  // Joined natively, where it can be: one by one takes five times as long.
  if (!values.some(isNone) && !SPECIAL.test(texts.join(''))) {
    return values.length === 0 ? '{}' : `{"${texts.join('","')}"}`
  }
  const elements = texts.map((text, i) => {
    if (isNone(values[i])) return 'NULL'
    return `"${text.replaceAll(/["\\]/gu, String.raw`\$&`)}"`
  })
  return `{${elements.join(',')}}`
}

const SPECIAL = /["\\]/u
const isNone = (value: ListValue): value is null | undefined =>
  value === null || value === undefined
