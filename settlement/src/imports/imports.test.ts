import { afterAll, beforeAll } from 'vitest'
import { openStore, type SettlementStore } from '../db/store.ts'
import { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
import { openTestStore } from '../testing/database-template.ts'
import { importsContract } from './imports-contract.ts'

let embedded: SettlementStore
let server: TestPostgres
/** In turns, each as another process would be. */
let stores: SettlementStore[] = []
let turn = 0

beforeAll(async () => {
  embedded = await openTestStore()
  server = await startPostgres()
  const databaseUrl = await server.createDatabase()
  stores = await Promise.all([1, 2].map(() => openStore({ databaseUrl })))
}, 180_000)
afterAll(async () => {
  await embedded?.close()
  await Promise.all(stores.map((store) => store.close()))
  await server?.[Symbol.asyncDispose]()
})

importsContract('PGlite', async () => embedded)
importsContract('PostgreSQL', async () => {
  const store = stores[turn++ % 2]
  if (store === undefined) throw new Error('not open')
  return store
})
