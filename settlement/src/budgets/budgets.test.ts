import { afterAll, beforeAll } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import { openTestStore } from '../testing/database-template.ts'
import { budgetContract } from './budget-contract.ts'
import { notedBudgetsContract } from './noted-budgets-contract.ts'

let store: PGliteStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())

budgetContract('PGlite', async () => store)
notedBudgetsContract('PGlite', async () => store)
