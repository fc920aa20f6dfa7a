import { afterAll, beforeAll } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import { openTestStore } from '../testing/database-template.ts'
import { monthClosingContract } from './month-closing-contract.ts'

let store: PGliteStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())

monthClosingContract('PGlite', async () => store)
