import {
  amountWith,
  type BudgetRule,
  fitOf,
  picoEuro,
  spanAt,
  spanBefore,
  type TimeSpan,
} from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { type BudgetRow, type BudgetState, type BudgetSums, spenderOf } from './budget.ts'

const isWhole = ({ scope }: BudgetRule): boolean => Object.keys(scope).length === 0

/**
 * What a window of a budget came to, summed anew from the authorizations that were issued in it: there is no counter that
 * could be wrong. Money counts in the window in which it was promised, and what is given back counts no more. To be called in
 * one transaction with whatever is decided by it.
 */
export async function sumsOf(
  tx: Database,
  { id, organization, rule }: BudgetRow,
  span: TimeSpan,
): Promise<BudgetSums> {
  const found = await rows<{ attribution: string | null; spent: string; held: string }>(
    tx,
    sql`select attribution, sum(spent)::text as spent, sum(amount_limit - released - spent)::text as held
      from spend_authorization where organization = ${organization}
        and issued_at >= ${time(span.from)} and issued_at < ${time(span.to)}
        and (${isWhole(rule)}::boolean or attribution is not null)
      group by attribution`,
  )
  const fitting = found.filter((row) => fitOf(rule.scope, spenderOf(row.attribution)) === 'yes')
  const reported = isWhole(rule) ? [] : await reports(tx, id, span)
  const sum = (field: 'spent' | 'held') =>
    picoEuro([...fitting, ...reported].reduce((all, row) => all + BigInt(row[field]), 0n))
  return { spent: sum('spent'), held: sum('held') }
}

/** The window that `at` lies in; `undefined` before and after a fixed one. */
export async function stateAt(
  tx: Database,
  budget: BudgetRow,
  timeZone: string,
  at: number,
): Promise<BudgetState | undefined> {
  const { rule } = budget
  const span = spanAt(rule.window, timeZone, at)
  if (at < span.from || at >= span.to) return undefined
  const amount = picoEuro(amountWith(rule, await carriedFrom(tx, budget, timeZone, span)))
  return { span, amount, ...(await sumsOf(tx, budget, span)) }
}

async function carriedFrom(
  tx: Database,
  budget: BudgetRow,
  timeZone: string,
  span: TimeSpan,
): Promise<bigint> {
  const before = budget.rule.carryOver ? spanBefore(budget.rule.window, timeZone, span) : undefined
  // What was before the budget was is no saving of its.
  if (before === undefined || before.to <= budget.createdAt) return budget.rule.amount
  const { spent, held } = await sumsOf(tx, budget, before)
  return spent + held
}

/** Of gateways: what only they can count. */
function reports(tx: Database, budget: string, { from }: TimeSpan) {
  return rows<{ spent: string; held: string }>(
    tx,
    sql`select spent::text, held::text from budget_report
      where budget = ${budget} and window_from = ${time(from)}`,
  )
}

/** PostgreSQL knows years far beyond, JavaScript's dates print theirs with a sign. */
const time = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
