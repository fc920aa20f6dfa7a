import { type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordset, textArray } from './column-lists.ts'
import type { SettlementStore } from './store.ts'

const RUNS = 60

/** What comes back in a row that holds all of them, with numbers as text. */
const row = fc.record({
  // PostgreSQL keeps no NUL in a text.
  text: fc.option(
    fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
    { nil: null },
  ),
  word: fc.constantFrom('NULL', 'null', '', '{}', '","', '\\', '"', "'", '$1', ' a '),
  big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  money: fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }),
  flag: fc.option(fc.boolean(), { nil: null }),
})

/** @param open gives a store whose tables are not touched */
export function columnListsContract(name: string, open: () => Promise<SettlementStore>): void {
  const query = async (statement: SQL): Promise<unknown[]> => {
    const { sql: text, params } = new PgDialect().sqlToQuery(statement)
    const store = await open()
    return (await store.executeSql(text, params)).rows
  }

  describe(`${name}: lists as columns`, () => {
    test('come back as they were, in their order, whatever the texts hold', async () => {
      const as = 'x(text text, word text, big int8, money numeric, flag bool)'
      await fc.assert(
        fc.asyncProperty(fc.array(row, { maxLength: 5 }), async (rows) => {
          const found = await query(
            sql`select text, word, big::text as big, money::text as money, flag from ${recordset(rows, as)}`,
          )
          expect(found).toEqual(
            rows.map((one) => ({ ...one, big: `${one.big}`, money: `${one.money}` })),
          )
        }),
        { numRuns: RUNS },
      )
    })

    test('a column may have a name that is a word of the language, and what a row lacks is null', async () => {
      const rows = [{ order: 'a' }, {}]
      expect(await query(sql`select * from ${recordset(rows, 'x("order" text)')}`)).toEqual([
        { order: 'a' },
        { order: null },
      ])
    })

    test('any() of a list finds what is in it, and nothing in one that is empty', async () => {
      const values = ['a', 'b"c', 'd\\e', 'NULL']
      for (const value of values) {
        const statement = sql`select ${value}::text = any(${textArray(values)}) as found, ${value}::text = any(${textArray([])}) as in_none`
        expect(await query(statement)).toEqual([{ found: true, in_none: false }])
      }
    })
  })
}
