import { afterAll, beforeAll } from 'vitest'
import { openPGlite, type PGliteStore } from '../db/pglite.ts'
import { documentsContract } from './documents-contract.ts'

let store: PGliteStore
beforeAll(async () => {
  store = await openPGlite(undefined)
})
afterAll(() => store.close())

documentsContract('PGlite', async () => store)
