import { afterAll, beforeAll } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { openTestStore } from '../testing/database-template.ts'
import { deliveryContract } from './delivery-contract.ts'

let store: SettlementStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())

deliveryContract('PGlite', async () => store)
