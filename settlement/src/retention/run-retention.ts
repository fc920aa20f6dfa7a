import { keepVault } from '../backup/vault.ts'
import type { SettlementContext } from '../context.ts'
import { AGEING_CLASSES } from './classes.ts'
import { daysOf, edgeOf, type RetentionPeriods } from './periods.ts'
import type { AgedTable, TableReport } from './retention-store.ts'
import { isAgeRule } from './rule.ts'

/** Some ten milliseconds of a statement; whoever writes the table waits no longer. */
const BATCH = 1_000
/** A million rows of a table in a night. The rest is for the next, and the report says that there is one. */
const BATCHES_MAX = 1_000

export interface RetentionOptions {
  /** Says what would go, and removes nothing. */
  readonly dryRun?: boolean
  /** Id of the operator who asks. */
  readonly by: string
  readonly signal?: AbortSignal
}

export const periodsOf = ({
  compliance,
}: Pick<SettlementContext, 'compliance'>): RetentionPeriods => compliance?.retention ?? {}

/** Every table whose rows go by age, and before when, in the order in which they are removed. */
export function agedTables(periods: RetentionPeriods, now: number): AgedTable[] {
  return AGEING_CLASSES.flatMap((one) => {
    const before = edgeOf(one, daysOf(one, periods) ?? 0, now)
    return one.tables.filter(isAgeRule).map(({ table }) => ({ className: one.name, table, before }))
  })
}

/**
 * Removes what is older than its period, in batches of their own transactions: cut off anywhere, the next run goes on.
 *
 * @returns what was removed of each table, and what is left in it
 */
export async function runRetention(
  context: SettlementContext,
  { dryRun = false, by, signal }: RetentionOptions,
): Promise<TableReport[]> {
  const { store, now } = context
  const tables = agedTables(periodsOf(context), now())
  if (dryRun) return Promise.all(tables.map((one) => reportOf(context, one, 0)))
  const run = await store.beginRetention(by, now())
  const report: TableReport[] = []
  for (const one of tables) {
    if (signal?.aborted === true) break
    report.push(await reportOf(context, one, await removeAll(context, one, signal)))
  }
  await destroyKeys(context)
  await store.endRetention(run, report, now())
  return report
}

/** Of documents that are gone: here, and in the vault, so that no backup opens them. */
async function destroyKeys(context: SettlementContext): Promise<void> {
  const { store, vault, now } = context
  const documents = AGEING_CLASSES.find(({ name }) => name === 'documents')
  if (documents === undefined) throw new Error('no class of documents')
  const edge = edgeOf(documents, daysOf(documents, periodsOf(context)) ?? 0, now())
  const destroyed = await store.destroyDocumentKeys(new Date(edge).getUTCFullYear(), now())
  if (destroyed > 0 && vault !== undefined) await keepVault(store, vault)
}

async function removeAll(
  { store }: SettlementContext,
  table: AgedTable,
  signal: AbortSignal | undefined,
): Promise<number> {
  let removed = 0
  for (let batch = 0; batch < BATCHES_MAX && signal?.aborted !== true; batch++) {
    const gone = await store.removeAged(table, BATCH)
    removed += gone
    if (gone < BATCH) break
  }
  return removed
}

const reportOf = async (
  { store }: SettlementContext,
  table: AgedTable,
  removed: number,
): Promise<TableReport> => ({ ...table, removed, ...(await store.agedTable(table)) })
