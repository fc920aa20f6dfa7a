import { fitOf, formatEuro, type PicoEuro, picoEuro, scopeText, stopLimit } from '@hanse/protocol'
import { type Database, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { emitEvents } from '../notifications/emit.ts'
import { type BudgetRow, type BudgetState, spenderOf } from './budget.ts'
import { statesAt } from './budget-sums.ts'

export interface BudgetedHold {
  readonly organization: string
  readonly limit: PicoEuro
  readonly issuedAt: number
  /** See `printAttribution`. */
  readonly attribution: string | null
}

/** A budget does not have this left. */
export class BudgetRefusal extends SettlementError {
  readonly budget: BudgetRow
  readonly state: BudgetState

  constructor(budget: BudgetRow, state: BudgetState, limit: bigint, hold: BudgetedHold) {
    const isHeld = state.spent + hold.limit <= limit
    const { name, scope } = budget.rule
    const left = picoEuro(limit - state.spent - (state.held - hold.limit))
    const message =
      `the budget ${name} of ${scopeText(scope)} has ${formatEuro(left < 0n ? picoEuro(0n) : left)} left of ` +
      `${formatEuro(picoEuro(limit))}, and this would hold ${formatEuro(hold.limit)}`
    if (isHeld) super('HANSE_BUDGET_RESERVED', message, { retryAfterMs: RESERVED_RETRY_MS })
    else super('HANSE_BUDGET_EXHAUSTED', message, { retryAfterMs: state.span.to - hold.issuedAt })
    this.budget = budget
    this.state = state
  }
}

/** Authorizations come back within the hour at most; one that was released early, sooner. */
const RESERVED_RETRY_MS = 60_000

/**
 * Lets a hold pass that is put already in this transaction, when with it no budget that stops is over its limit. Whoever
 * holds money of the organization has the rows of its budgets locked (`budgetsToLock`) to the end of the transaction, so each
 * sees what the one before promised: nothing is looked at first and taken later.
 *
 * @param budgets of the organization
 * @throws {BudgetRefusal} HANSE_BUDGET_EXHAUSTED, HANSE_BUDGET_RESERVED
 */
export async function holdWithinBudgets(
  tx: Database,
  hold: BudgetedHold,
  budgets: readonly BudgetRow[],
  timeZone: string,
): Promise<void> {
  const spender = spenderOf(hold.attribution)
  // Whom it is for, or which model it will be spent on, is not always known: then it is for the gateway to stop.
  const fitting = budgets.filter(({ rule }) => fitOf(rule.scope, spender) === 'yes')
  const states = await statesAt(tx, fitting, timeZone, hold.issuedAt)
  for (const [i, budget] of fitting.entries()) {
    const state = states[i]
    const limit = stopLimit(budget.rule, state?.amount ?? 0n)
    if (state === undefined || limit === undefined) continue
    if (state.spent + state.held > limit) throw new BudgetRefusal(budget, state, limit, hold)
  }
}

/** Tells of a refusal once in each window; the hold itself has left nothing behind. */
export async function tellRefusal(
  db: Database,
  { budget, state, code }: BudgetRefusal,
  at: number,
): Promise<void> {
  if (code !== 'HANSE_BUDGET_EXHAUSTED') return
  await transact(db, (tx) =>
    emitEvents(
      tx,
      [
        {
          organization: budget.organization,
          kind: 'budget.exhausted',
          subject: budget.id,
          cause: `${budget.id}/${state.span.from}`,
          facts: {
            budget: budget.rule.name,
            amount: formatEuro(state.amount),
            spent: formatEuro(state.spent),
            until: new Date(state.span.to).toISOString(),
          },
        },
      ],
      at,
    ),
  )
}
