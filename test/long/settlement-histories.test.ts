import { openStore } from '@hanse/settlement'
import { openTestStore, startPostgres, type TestPostgres } from '@hanse/settlement/testing'
import { historiesContract } from '@hanse/settlement/testing/contracts'
import { afterAll, beforeAll } from 'vitest'

// The histories of the unit tests, many more of them, on both stores.

let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

historiesContract(
  'PostgreSQL',
  async () => openStore({ databaseUrl: await server.createDatabase() }),
  60,
)
historiesContract('PGlite', () => openTestStore(), 20)
