import { SettlementError } from '../errors.ts'
import type { SettlementStore } from './store.ts'

/**
 * How tables are placed when Citus spreads the database over several machines.
 *
 * The books stay on the coordinator: what books a batch is one statement over sessions, receipts, balances and events of
 * many organizations, and their keys (a session's, a receipt's, a transfer's cause) are what makes booking twice
 * impossible; none of them contains the organization. They are written at rates that one machine has room for. What grows
 * with the number of questions is spread: usage and its sums, by organization, so that a customer's report is one
 * machine's work. What those are joined with is copied to every machine. Tables that are not named here stay where they
 * are.
 */
export const PLACEMENTS = {
  distributed: [
    { table: 'usage', column: 'organization', with: undefined },
    { table: 'usage_hourly', column: 'organization', with: 'usage' },
    { table: 'usage_daily', column: 'organization', with: 'usage' },
    { table: 'session_note', column: 'organization', with: 'usage' },
    { table: 'usage_spender', column: 'organization', with: 'usage' },
    { table: 'usage_spender_hourly', column: 'organization', with: 'usage' },
    { table: 'usage_spender_daily', column: 'organization', with: 'usage' },
    { table: 'usage_gateway', column: 'organization', with: 'usage' },
  ],
  reference: ['organization', 'provider'],
} as const

/** The statements, in their order. Running them again changes nothing. */
export function citusStatements(): string[] {
  const { distributed, reference } = PLACEMENTS
  const unlessPlaced = (table: string, call: string): string =>
    `do $$ begin if not exists (select from citus_tables where table_name = '${table}'::regclass) then
  perform ${call}; end if; end $$`
  return [
    'create extension if not exists citus',
    ...reference.map((table) => unlessPlaced(table, `create_reference_table('${table}')`)),
    ...distributed.map(({ table, column, with: other }) =>
      unlessPlaced(
        table,
        `create_distributed_table('${table}', '${column}'${
          other === undefined ? '' : `, colocate_with => '${other}'`
        })`,
      ),
    ),
  ]
}

/** For `psql`. */
export const citusScript = (): string =>
  citusStatements()
    .map((statement) => `${statement};\n`)
    .join('')

/**
 * Places the tables, where the server has Citus.
 *
 * @throws {SettlementError} HANSE_CITUS_MISSING where it has not
 */
export async function placeTables(store: SettlementStore): Promise<void> {
  const { rows } = await store.executeSql(
    "select 1 from pg_available_extensions where name = 'citus'",
  )
  if (rows.length === 0) {
    throw new SettlementError('HANSE_CITUS_MISSING', 'this server does not have the extension')
  }
  for (const statement of citusStatements()) await store.executeSql(statement)
}
