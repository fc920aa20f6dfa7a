import {
  type BudgetRule,
  picoEuro,
  RULES_LIMITS,
  spanAt,
  spanBefore,
  type TimeSpan,
} from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import type { BudgetRow, BudgetState, BudgetSums } from './budget.ts'
import { budgetOf, budgetsOf, lockBudgets } from './budget-rows.ts'
import { stateAt, sumsOf } from './budget-sums.ts'
import { forgetCrossings, noteCrossings } from './crossings.ts'
import { timeZoneOf, touchRules } from './rules-rows.ts'

export interface NewBudget {
  readonly id: string
  readonly organization: string
  readonly rule: BudgetRule
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface BudgetReport {
  readonly budget: string
  /** When the window began that it is of. */
  readonly from: number
  /** Pico-euro. */
  readonly spent: bigint
  readonly held: bigint
}

export interface CrossingRow {
  readonly measure: 'spent' | 'forecast'
  readonly percent: number
  readonly action: string
  readonly at: number
}

/** Budgets, and what they came to. */
export function budgetStore(db: Database) {
  return {
    budgets: (organization: string): Promise<BudgetRow[]> => budgetsOf(db, organization),

    budget: (organization: string, id: string): Promise<BudgetRow | undefined> =>
      budgetOf(db, organization, id),

    /** @throws {SettlementError} HANSE_REQUEST_INVALID when there are too many */
    addBudget: ({ id, organization, rule, actor, at }: NewBudget): Promise<BudgetRow> =>
      transact(db, async (tx) => {
        await touchRules(tx, organization)
        if ((await budgetsOf(tx, organization)).length >= RULES_LIMITS.budgets)
          throw new SettlementError(
            'HANSE_REQUEST_INVALID',
            `an organization has at most ${RULES_LIMITS.budgets} budgets`,
          )
        const when = new Date(at).toISOString()
        await tx.execute(sql`insert into budget (id, organization, terms, created_by, created_at, updated_at)
          values (${id}, ${organization}, ${printRule(rule)}::jsonb, ${actor}, ${when}::timestamptz, ${when}::timestamptz)`)
        return changed(tx, organization, id, at)
      }),

    /** @throws {SettlementError} HANSE_NOT_FOUND */
    changeBudget: ({ id, organization, rule, at }: NewBudget): Promise<BudgetRow> =>
      transact(db, async (tx) => {
        await mustHave(tx, organization, id)
        await touchRules(tx, organization)
        await forgetCrossings(tx, id, at)
        await tx.execute(sql`update budget set terms = ${printRule(rule)}::jsonb,
          updated_at = ${new Date(at).toISOString()}::timestamptz where id = ${id}`)
        return changed(tx, organization, id, at)
      }),

    /** @throws {SettlementError} HANSE_NOT_FOUND */
    removeBudget: (organization: string, id: string, at: number): Promise<void> =>
      transact(db, async (tx) => {
        await mustHave(tx, organization, id)
        await touchRules(tx, organization)
        await tx.execute(
          sql`update budget set removed_at = ${new Date(at).toISOString()}::timestamptz where id = ${id}`,
        )
      }),

    /** The window that `at` lies in, and the thresholds passed in it; without a state before and after a fixed window. */
    budgetState: async (
      organization: string,
      id: string,
      at: number,
    ): Promise<{ state: BudgetState | undefined; crossings: CrossingRow[] } | undefined> => {
      const budget = await budgetOf(db, organization, id)
      if (budget === undefined) return undefined
      const state = await stateAt(db, budget, await timeZoneOf(db, organization), at)
      return { state, crossings: state === undefined ? [] : await crossingsIn(db, id, state.span) }
    },

    /** What its windows came to, newest first, this one included. */
    budgetHistory: async (
      organization: string,
      id: string,
      at: number,
      limit: number,
    ): Promise<(BudgetSums & { span: TimeSpan })[] | undefined> => {
      const budget = await budgetOf(db, organization, id)
      if (budget === undefined) return undefined
      const timeZone = await timeZoneOf(db, organization)
      const { window } = budget.rule
      const spans: TimeSpan[] = []
      let span: TimeSpan | undefined = spanAt(window, timeZone, at)
      while (span !== undefined && spans.length < limit) {
        spans.push(span)
        span = spanBefore(window, timeZone, span)
        if (span !== undefined && span.to <= budget.createdAt) break
      }
      return sumsOf(
        db,
        spans.map((one) => ({ budget, span: one })),
      )
    },

    /** Keeps what a gateway counted; of budgets that are not, or no more, the organization's, nothing. */
    reportBudgets: (
      organization: string,
      gateway: string,
      reports: readonly BudgetReport[],
      at: number,
    ): Promise<number> =>
      transact(db, async (tx) => {
        const budgets = await lockBudgets(tx, organization)
        let kept = 0
        for (const { budget, from, spent, held } of reports) {
          const known = budgets.find(({ id }) => id === budget)
          if (known === undefined) continue
          const time = (ms: number) => sql`${new Date(ms).toISOString()}::timestamptz`
          await tx.execute(sql`insert into budget_report (budget, gateway, window_from, spent, held, at)
            values (${budget}, ${gateway}, ${time(from)}, ${spent.toString()}::numeric, ${held.toString()}::numeric, ${time(at)})
            on conflict (budget, window_from, gateway) do update set spent = excluded.spent, held = excluded.held,
              at = excluded.at`)
          await noteCrossings(tx, known, at)
          kept++
        }
        return kept
      }),

    /** Organizations with budgets, page by page. */
    organizationsWithBudgets: async (after: string, limit: number): Promise<string[]> =>
      (
        await rows<{ organization: string }>(
          db,
          sql`select distinct organization from budget where removed_at is null and organization > ${after}
              and organization not in (select id from organization where restricted_at is not null)
            order by organization limit ${limit}`,
        )
      ).map(({ organization }) => organization),

    /**
     * Looks at every budget of an organization.
     *
     * @param outlooks what windows will have come to, by the ids of their budgets
     * @returns how many thresholds were newly passed
     */
    noteCrossings: (
      organization: string,
      outlooks: Readonly<Record<string, bigint>>,
      at: number,
    ): Promise<number> =>
      transact(db, async (tx) => {
        let fresh = 0
        for (const budget of await lockBudgets(tx, organization))
          fresh += await noteCrossings(tx, budget, at, ({ id }) => outlooks[id])
        return fresh
      }),
  }
}

async function changed(tx: Database, organization: string, id: string, at: number) {
  const budget = await mustHave(tx, organization, id)
  await noteCrossings(tx, budget, at)
  return budget
}

async function mustHave(tx: Database, organization: string, id: string): Promise<BudgetRow> {
  const budget = await budgetOf(tx, organization, id, 'lock')
  if (budget !== undefined) return budget
  throw new SettlementError('HANSE_NOT_FOUND', 'no such budget')
}

async function crossingsIn(db: Database, id: string, { from }: TimeSpan): Promise<CrossingRow[]> {
  const found = await rows<Omit<CrossingRow, 'at'> & { at: string }>(
    db,
    sql`select measure, percent, action, (extract(epoch from at) * 1000)::text as at from budget_crossing
      where budget = ${id} and window_from = ${new Date(from).toISOString()}::timestamptz order by measure, percent`,
  )
  return found.map((row) => ({ ...row, at: Number(row.at) }))
}

/** Money as digits. */
function printRule(rule: BudgetRule): string {
  return JSON.stringify({ ...rule, amount: picoEuro(rule.amount).toString() })
}
