import { formatEuro, limitAt, picoEuro, type Threshold } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'
import type { BudgetRow, BudgetState } from './budget.ts'
import { stateAt } from './budget-sums.ts'
import { timeZoneOf, touchRules } from './rules-rows.ts'

/** What the forecast says of a budget, where there is one. */
export type Outlook = (budget: BudgetRow, state: BudgetState) => bigint | undefined

/**
 * Writes down which thresholds of a budget were passed, once each in its window, and tells of them. What is passed is what
 * was spent: what is held may come back.
 *
 * @param outlook what the window will have come to at its end, pico-euro
 * @returns how many were new
 */
export async function noteCrossings(
  tx: Database,
  budget: BudgetRow,
  at: number,
  outlook: Outlook = () => undefined,
): Promise<number> {
  const timeZone = await timeZoneOf(tx, budget.organization)
  const state = await stateAt(tx, budget, timeZone, at)
  if (state === undefined) return 0
  let fresh = 0
  let doesBind = false
  for (const threshold of budget.rule.thresholds) {
    const measured = threshold.on === 'spent' ? state.spent : outlook(budget, state)
    if (measured === undefined || measured < limitAt(threshold.percent, state.amount)) continue
    if (!(await isNew(tx, budget, threshold, state, at))) continue
    fresh++
    doesBind ||= threshold.action !== 'notify'
    await tellOf(tx, budget, threshold, { ...state, measured }, at)
  }
  if (doesBind) await touchRules(tx, budget.organization)
  return fresh
}

/** What was passed under the terms that a budget had, says nothing of those that it has now. */
export async function forgetCrossings(tx: Database, budget: string, at: number): Promise<void> {
  await tx.execute(sql`delete from budget_crossing where budget = ${budget}
    and window_to > ${new Date(at).toISOString()}::timestamptz`)
}

/** Of windows that are not over. */
export async function bindingCrossings(
  db: Database,
  organization: string,
  at: number,
): Promise<{ budget: string; action: 'slow' | 'stop'; until: number }[]> {
  const found = await rows<{ budget: string; action: 'slow' | 'stop'; until: string }>(
    db,
    sql`select c.budget, c.action, (extract(epoch from max(c.window_to)) * 1000)::text as until
      from budget_crossing c join budget b on b.id = c.budget
      where b.organization = ${organization} and b.removed_at is null and c.action <> 'notify'
        and c.window_to > ${new Date(at).toISOString()}::timestamptz
      group by 1, 2 order by 1, 2`,
  )
  return found.map((row) => ({ ...row, until: Number(row.until) }))
}

async function isNew(
  tx: Database,
  { id }: BudgetRow,
  { on, percent, action }: Threshold,
  { span, spent }: BudgetState,
  at: number,
): Promise<boolean> {
  const time = (ms: number) => sql`${new Date(ms).toISOString()}::timestamptz`
  const written = await rows(
    tx,
    sql`insert into budget_crossing (budget, window_from, measure, percent, action, window_to, spent, at)
      values (${id}, ${time(span.from)}, ${on}, ${percent}, ${action}, ${time(span.to)}, ${spent.toString()}::numeric,
        ${time(at)})
      on conflict do nothing returning budget`,
  )
  return written.length > 0
}

async function tellOf(
  tx: Database,
  { id, organization, rule }: BudgetRow,
  { on, percent, action }: Threshold,
  { span, amount, measured }: BudgetState & { measured: bigint },
  at: number,
): Promise<void> {
  const what = on === 'forecast' ? 'expected' : 'spent'
  await emitEvents(
    tx,
    [
      {
        organization,
        kind: on === 'forecast' ? 'forecast.over_budget' : 'budget.threshold',
        subject: id,
        // Also when the terms were changed in between: one notice for a threshold in a window.
        cause: `${id}/${span.from}/${on}/${percent}`,
        facts: {
          budget: rule.name,
          percent,
          action,
          amount: formatEuro(amount),
          [what]: formatEuro(picoEuro(measured)),
          until: new Date(span.to).toISOString(),
        },
      },
    ],
    at,
  )
}
