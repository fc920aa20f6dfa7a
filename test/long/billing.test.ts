import { openStore, type SettlementStore } from '@hanse/settlement'
import { startPostgres, type TestPostgres } from '@hanse/settlement/testing'
import { billingContract } from '@hanse/settlement/testing/contracts'
import { afterAll, beforeAll } from 'vitest'

// The property of the unit tests, over many more histories and on PostgreSQL, where two processes do get in each other’s way.

let server: TestPostgres
const stores: SettlementStore[] = []
let turn = 0

beforeAll(async () => {
  server = await startPostgres()
  const databaseUrl = await server.createDatabase()
  for (let i = 0; i < 2; i++) stores.push(await openStore({ databaseUrl }))
})
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await server[Symbol.asyncDispose]()
})

billingContract(
  'PostgreSQL',
  async () => {
    const store = stores[turn++ % stores.length]
    if (store === undefined) throw new Error('no store is open')
    return store
  },
  { numRuns: 100, endOnFailure: true },
)
