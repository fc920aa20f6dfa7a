import type { SettlementStore } from '../../db/store.ts'

/** Tables with a row that has a word in it, as text or as bytes; capitals do not matter. */
export async function tablesWith(
  store: Pick<SettlementStore, 'executeSql'>,
  word: string,
): Promise<string[]> {
  const { rows } = await store.executeSql(
    `select c.relname as name from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  )
  const found: string[] = []
  const hex = Buffer.from(word).toString('hex')
  for (const { name } of rows as { name: string }[]) {
    const hits = await store.executeSql(
      `select from "${name}" t where row_to_json(t)::text ilike $1 or row_to_json(t)::text like $2 limit 1`,
      [`%${word}%`, `%${hex}%`],
    )
    if (hits.rows.length > 0) found.push(name)
  }
  return found
}
