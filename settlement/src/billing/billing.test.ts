import { afterAll, beforeAll } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { openTestStore } from '../testing/database-template.ts'
import { billingContract } from './billing-contract.ts'

let store: SettlementStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())

billingContract('PGlite', async () => store, { numRuns: 8 })
