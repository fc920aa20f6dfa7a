import type { SettlementContext } from '../context.ts'
import { RETENTION_CLASSES } from './classes.ts'
import { daysOf, edgeOf } from './periods.ts'
import type { TableState } from './retention-store.ts'
import type { RetentionClass, TableRule } from './rule.ts'
import { periodsOf } from './run-retention.ts'

/** A class as it is kept here, and what would go next. */
export interface PlannedClass {
  readonly name: string
  readonly what: RetentionClass['what']
  readonly why: RetentionClass['why']
  /** null where nothing goes by age. */
  readonly days: number | null
  readonly defaultDays: number | null
  readonly leastDays: number | null
  readonly leastWhy: string | null
  /** Rows from before this instant go, milliseconds since 1970. */
  readonly before: number | null
  readonly tables: readonly PlannedTable[]
}

interface PlannedTable {
  readonly table: string
  readonly removal: TableRule['removal']
  /** Only of what goes by age. */
  readonly state: TableState | null
}

/** What is kept how long, with what the next run would remove. */
export const retentionPlan = (context: SettlementContext): Promise<PlannedClass[]> =>
  Promise.all(RETENTION_CLASSES.map((one) => planned(context, one)))

async function planned(context: SettlementContext, one: RetentionClass): Promise<PlannedClass> {
  const days = daysOf(one, periodsOf(context))
  const before = days === null ? null : edgeOf(one, days, context.now())
  return {
    name: one.name,
    what: one.what,
    why: one.why,
    days,
    defaultDays: one.days,
    leastDays: one.least?.days ?? null,
    leastWhy: one.least?.why ?? null,
    before,
    tables: await Promise.all(
      one.tables.map(async (rule) => ({
        table: rule.table,
        removal: rule.removal,
        state: before === null ? null : await stateOf(context, one.name, rule, before),
      })),
    ),
  }
}

async function stateOf(
  { store }: SettlementContext,
  className: string,
  rule: TableRule,
  before: number,
): Promise<TableState | null> {
  if (rule.removal === 'month') return store.agedUsage(before)
  if (rule.removal !== 'age') return null
  return store.agedTable({ className, table: rule.table, before })
}
