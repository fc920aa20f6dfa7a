import { expect, test } from 'vitest'
import { openTestStore } from '../../testing/database-template.ts'
import { SUBJECT_KINDS } from './record.ts'
import { columnsOf, REGISTER, registeredColumns } from './register.ts'

/** Partitions are part of their table; the queue of jobs has a schema of its own and holds ids alone. */
const COLUMNS = `select c.relname || '.' || a.attname as name
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and not a.attisdropped order by 1`

test('the register has every column of the database once, and no other', async () => {
  await using store = await openTestStore()
  const { rows } = await store.executeSql(COLUMNS)
  const there = (rows as { name: string }[]).map(({ name }) => name)
  const registered = registeredColumns().map(({ table, column }) => `${table}.${column}`)
  expect(there.length).toBeGreaterThan(900)
  expect({
    'not in the register: say what they hold in settlement/src/rights/register': there.filter(
      (name) => !registered.includes(name),
    ),
    'not in the database': registered.filter((name) => !there.includes(name)),
  }).toEqual({
    'not in the register: say what they hold in settlement/src/rights/register': [],
    'not in the database': [],
  })
  expect(new Set(registered).size).toBe(registered.length)
})

test.each(Object.entries(REGISTER))('%s: what is said of it fits together', (table, record) => {
  const columns = columnsOf(table).map(({ column }) => column)
  for (const column of [
    ...Object.values(record.whose ?? {}),
    ...Object.keys(record.instead ?? {}),
    ...(record.of === undefined ? [] : [record.of.column]),
  ]) {
    expect(columns).toContain(column)
  }
  if (record.of !== undefined) {
    const parents = columnsOf(record.of.table).map(({ column }) => column)
    expect(parents).toContain(record.of.key)
  }
  for (const kind of SUBJECT_KINDS) {
    // Who is in a table is erased from it in some way that is said.
    if (record.whose?.[kind] !== undefined) expect(record.erased?.[kind]).toBeDefined()
    // Whose rows stay, if only as an id, is told why.
    const stays = record.whose?.[kind] !== undefined && record.erased?.[kind] !== 'deleted'
    if (stays) expect(record.because).toMatch(/\w/u)
  }
  // A table that an export leaves out says why; one that it has is somebody's.
  if (record.whose === undefined) expect(record.notExported ?? record.of).toBeDefined()
  // Personal data without a basis is nobody's to keep.
  if (record.basis === 'none') expect(Object.keys(record.columns)).not.toContain('identity')
})
