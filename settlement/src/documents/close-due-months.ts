import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { type Closing, closeMonth, dueMonth } from './close-month.ts'
import { closableAt, isMonth, type Month } from './month.ts'
import { type MonthPoint, openPoints } from './month-points.ts'

export interface ClosedMonths {
  readonly closed: readonly Closing[]
  /** The month that is over and stays open, and what waits in it; nothing, where an operator closes months. */
  readonly waiting: { readonly month: Month; readonly open: readonly MonthPoint[] } | null
}

/** Comparing with Stripe and deciding takes a morning: until then a month that waits is nothing to tell anybody of. */
const QUIET_MS = 12 * 3_600_000

/** Closes every month that is over and may be closed without an operator, the oldest first. */
export async function closeDueMonths(
  context: SettlementContext,
  signal?: AbortSignal,
): Promise<ClosedMonths> {
  const { store, terms, now } = context
  const closed: Closing[] = []
  for (;;) {
    const month = await dueMonth(store)
    if (month === null || now() < closableAt(month)) return { closed, waiting: null }
    const open = await waitsFor(context, month)
    if (open !== undefined) {
      const quietMs = terms.closeMonths === 'by-hand' ? 0 : QUIET_MS
      if (now() >= closableAt(month) + quietMs) await store.tellMonthWaits(month, open, now())
      return { closed, waiting: { month, open } }
    }
    const closing = await closeMonth(context, month, signal)
    closed.push(closing)
    if (!closing.closed) return { closed, waiting: null }
  }
}

/** Undefined when it is closed without anybody being asked. */
async function waitsFor(
  context: SettlementContext,
  month: Month,
): Promise<readonly MonthPoint[] | undefined> {
  switch (context.terms.closeMonths) {
    case 'auto':
      return undefined
    case 'by-hand':
      return []
    case 'when-clear': {
      const open = await openPoints(context, month, false)
      return open.length === 0 ? undefined : open
    }
  }
}

export interface ByHand {
  /** Id of the operator. */
  readonly by: string
  readonly reason?: string | undefined
}

/**
 * Closes a month because an operator says so, also where something is open, if they say why; both are kept.
 *
 * @throws {SettlementError} HANSE_REQUEST_INVALID when it is no month, is not over, or the one before it is open; HANSE_MONTH_OPEN
 * when something is open and no reason was given
 */
export async function closeByHand(
  context: SettlementContext,
  month: string,
  { by, reason }: ByHand,
  signal?: AbortSignal,
): Promise<Closing> {
  // What is no month, is closed or is not over gets its answer there.
  const isDue = isMonth(month) && (await dueMonth(context.store)) === month
  if (!isDue || context.now() < closableAt(month)) return closeMonth(context, month, signal)
  const open = await openPoints(context, month, true)
  if (open.length > 0 && reason === undefined) throw stillOpen(month, open)
  return closeMonth(context, month, signal, { by, reason: reason ?? null, open })
}

const stillOpen = (month: Month, open: readonly MonthPoint[]) =>
  new SettlementError(
    'HANSE_MONTH_OPEN',
    `${month}: ${open.map((one) => `${one.point} ${one.open}`).join(', ')}`,
  )
