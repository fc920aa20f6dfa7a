import type { SettlementContext } from '../context.ts'
import { closableAt, type Month, periodOf } from './month.ts'

/** When the service closes months by itself. */
export const MONTH_CLOSINGS = ['auto', 'when-clear', 'by-hand'] as const
export type MonthClosing = (typeof MONTH_CLOSINGS)[number]

/** What may be open at the end of a month, in the order in which an operator settles it. */
export const MONTH_POINTS = [
  'payout-runs',
  'adjustments',
  'comparison',
  'differences',
  'disputes',
  'ledger',
] as const
export type MonthPointName = (typeof MONTH_POINTS)[number]

export interface MonthPoint {
  readonly point: MonthPointName
  /** How much of it; 1 where nothing was compared since the month has ended. */
  readonly open: number
}

/** All but the ledger, whose check reads all of the books; also those of which there is none. */
export function quickPoints(
  { store }: Pick<SettlementContext, 'store'>,
  month: Month,
): Promise<MonthPoint[]> {
  return store.monthPoints({ endedAt: periodOf(month).to, comparedFrom: closableAt(month) })
}

/**
 * What is open, and nothing else. The books are derived again only where all the rest is settled, so that a month that waits
 * costs little.
 *
 * @param thorough the books are derived again in any case
 */
export async function openPoints(
  context: Pick<SettlementContext, 'store'>,
  month: Month,
  thorough: boolean,
): Promise<MonthPoint[]> {
  const open = (await quickPoints(context, month)).filter((point) => point.open > 0)
  if (open.length > 0 && !thorough) return open
  const { differences } = await context.store.ledgerCheck()
  return differences.length === 0 ? open : [...open, { point: 'ledger', open: differences.length }]
}
