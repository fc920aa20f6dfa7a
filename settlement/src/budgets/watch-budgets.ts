import type { SettlementContext } from '../context.ts'
import type { Job } from '../jobs/job.ts'
import { outlookOf } from './outlook.ts'

const EVERY_MS = 10_000
const PAGE = 200

/** Looks at the budgets of all organizations. @returns how many thresholds were newly passed */
export async function watchBudgets(
  context: SettlementContext,
  signal: AbortSignal,
): Promise<number> {
  const { store, now } = context
  let fresh = 0
  for (let after = ''; !signal.aborted; ) {
    const some = await store.organizationsWithBudgets(after, PAGE)
    for (const organization of some) {
      const outlooks = await outlooksOf(context, organization)
      fresh += await store.noteCrossings(organization, outlooks, now())
    }
    const last = some.at(-1)
    if (last === undefined || some.length < PAGE) break
    after = last
  }
  return fresh
}

/** Of those budgets alone that ask for it: each is a look at two months of usage. */
async function outlooksOf(
  context: SettlementContext,
  organization: string,
): Promise<Record<string, bigint>> {
  const outlooks: Record<string, bigint> = {}
  for (const budget of await context.store.budgets(organization)) {
    if (budget.rule.thresholds.every(({ on }) => on === 'spent')) continue
    const found = await context.store.budgetState(organization, budget.id, context.now())
    const outlook = found?.state && (await outlookOf(context, budget, found.state))
    if (outlook !== undefined) outlooks[budget.id] = outlook.total
  }
  return outlooks
}

export const BUDGET_JOBS: readonly Job[] = [
  {
    name: 'budgets',
    purpose: 'tell of budgets that have passed a threshold, or are expected to',
    schedule: { everyMs: EVERY_MS },
    work: async (context, signal) => ({ passed: await watchBudgets(context, signal) }),
  },
]
