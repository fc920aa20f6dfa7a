import type { Secrets } from '../config/config.ts'
import { citusScript, placeTables } from '../db/citus.ts'
import { openPostgres } from '../db/postgres.ts'
import { SettlementError } from '../errors.ts'
import { print } from './operator-call.ts'

/** Prints how Citus is to place the tables, or has it done. */
export async function citus({ databaseUrl }: Secrets, isPrintOnly: boolean): Promise<void> {
  if (isPrintOnly) {
    process.stdout.write(citusScript())
    return
  }
  if (databaseUrl === undefined) {
    throw new SettlementError('HANSE_CONFIG_INVALID', 'DATABASE_URL: name the coordinator')
  }
  await using store = await openPostgres(databaseUrl)
  await placeTables(store)
  print({ placed: true })
}
