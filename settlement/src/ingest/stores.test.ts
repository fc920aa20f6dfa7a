import { afterAll, beforeAll } from 'vitest'
import { conflictContract } from '../alerts/conflict-contract.ts'
import type { PGliteStore } from '../db/pglite.ts'
import { openStore, type SettlementStore } from '../db/store.ts'
import { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
import { attacksContract } from '../receipts/attacks-contract.ts'
import { openTestStore } from '../testing/database-template.ts'

let embedded: PGliteStore
let server: TestPostgres
let stores: SettlementStore[] = []
let turn = 0
beforeAll(async () => {
  embedded = await openTestStore()
  server = await startPostgres()
  const databaseUrl = await server.createDatabase()
  stores = await Promise.all([1, 2].map(() => openStore({ databaseUrl })))
}, 120_000)
afterAll(async () => {
  await embedded.close()
  await Promise.all(stores.map((store) => store.close()))
  await server[Symbol.asyncDispose]()
})

/** In turns, each as another process would be. */
const openPostgres = async (): Promise<SettlementStore> =>
  stores[turn++ % stores.length] as SettlementStore

conflictContract('PGlite', async () => embedded)
conflictContract('PostgreSQL', openPostgres)
attacksContract('PGlite', async () => embedded)
attacksContract('PostgreSQL', openPostgres)
