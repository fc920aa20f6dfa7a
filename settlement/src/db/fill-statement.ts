import { type SQL, sql } from 'drizzle-orm'
import { recordset } from './column-lists.ts'

type Part = string | { readonly list: string; readonly as: string | undefined }

/** Text, and what stands in it as `{at}` or `{list} as x(...)`. */
function partsOf(statement: string): Part[] {
  const parts: Part[] = []
  let end = 0
  for (const found of statement.matchAll(/\{(\w+)\}(?:\s+as\s+(\w+\([^()]*\)))?/gu)) {
    const [all, list = '', as] = found
    parts.push(statement.slice(end, found.index), { list, as })
    end = found.index + all.length
  }
  parts.push(statement.slice(end))
  return parts
}

/**
 * A statement with its lists as parameters: so several parts, each of which knows its own lists, make one.
 *
 * @param lists what stands for `{name} as x(column type, ...)`: see `recordset`
 * @param at what stands for `{at}`, milliseconds since 1970
 */
export function fillStatement(
  statement: string,
  lists: Readonly<Record<string, readonly object[]>>,
  at: number,
): SQL {
  return sql.join(
    partsOf(statement).map((part) => {
      if (typeof part === 'string') return sql.raw(part)
      if (part.as === undefined) return sql`${new Date(at).toISOString()}::timestamptz`
      return recordset(lists[part.list] ?? [], part.as)
    }),
  )
}
