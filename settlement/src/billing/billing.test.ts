import { afterAll, beforeAll } from 'vitest'
import { openPGlite } from '../db/pglite.ts'
import type { SettlementStore } from '../db/store.ts'
import { billingContract } from './billing-contract.ts'

let store: SettlementStore
beforeAll(async () => {
  store = await openPGlite(undefined)
})
afterAll(() => store.close())

billingContract('PGlite', async () => store, { numRuns: 8 })
