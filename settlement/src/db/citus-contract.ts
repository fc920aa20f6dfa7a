import { describe, expect, test } from 'vitest'
import { citusStatements, PLACEMENTS, placeTables } from './citus.ts'
import type { SettlementStore } from './store.ts'

/**
 * Citus's functions as far as they can be told without it: a table that is distributed must have the column, and the column
 * must be in each of its unique keys.
 */
const STAND_INS = `
create table citus_tables (table_name regclass);
create function create_reference_table(t regclass) returns void language sql as
  'insert into citus_tables values (t)';
create function create_distributed_table(t regclass, c text, colocate_with text default 'default')
returns void language plpgsql as $$
declare bad text;
begin
  if colocate_with <> 'default' and not exists
    (select from citus_tables where table_name = colocate_with::regclass) then
    raise exception '% is not distributed', colocate_with;
  end if;
  if not exists (select from pg_attribute where attrelid = t and attname = c and attnotnull) then
    raise exception '% has no column %', t, c;
  end if;
  select i.indexrelid::regclass::text into bad from pg_index i where i.indrelid = t and i.indisunique
    and not exists (select from pg_attribute a where a.attrelid = t and a.attname = c
      and a.attnum = any (i.indkey::int2[]));
  if bad is not null then raise exception '% does not contain %', bad, c; end if;
  insert into citus_tables values (t);
end $$`

/** @param open gives a new database */
export function citusContract(open: () => Promise<SettlementStore>): void {
  describe('Citus', () => {
    test('is not asked for where the server does not have it', async () => {
      await using store = await open()
      await expect(placeTables(store)).rejects.toMatchObject({ code: 'HANSE_CITUS_MISSING' })
    })

    test('every table that is placed exists, and each unique key of a distributed one has its column', async () => {
      await using store = await open()
      await store.executeSql(STAND_INS)
      const [extension, ...placing] = citusStatements()
      expect(extension).toBe('create extension if not exists citus')
      for (let times = 0; times < 2; times++) {
        for (const statement of placing) await store.executeSql(statement)
      }
      const { rows } = await store.executeSql('select table_name::text as name from citus_tables')
      expect(rows.map((row) => (row as { name: string }).name).toSorted()).toEqual(
        [...PLACEMENTS.reference, ...PLACEMENTS.distributed.map(({ table }) => table)].toSorted(),
      )
      // The books could not be spread by organization: the stand-in says so, as Citus would.
      await expect(
        store.executeSql("select create_distributed_table('spend_authorization', 'organization')"),
      ).rejects.toThrow('does not contain organization')
    })
  })
}
