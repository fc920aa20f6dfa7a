import type { SettlementContext } from '../../context.ts'
import { ratesOf } from '../card-rates.ts'
import { spendRows } from '../spend.ts'
import type { StoredBill } from './bill-store.ts'
import { type Comparison, compareBill } from './compare-bill.ts'

/** A bill beside what is metered now. @returns `undefined` where there is none */
export async function compareStored(
  context: SettlementContext,
  organization: string,
  id: string,
): Promise<{ bill: StoredBill; comparison: Comparison } | undefined> {
  const found = await context.store.providerBill(organization, id)
  if (found === undefined) return undefined
  const { bill, lines, decisions } = found
  const { provider, periodStart, periodEnd, currency } = bill
  const cells = await context.store.meteredCells({
    organization,
    provider,
    from: periodStart,
    to: periodEnd,
  })
  const metered = spendRows(cells, await ratesOf(context.store, organization, cells))
  return { bill, comparison: compareBill({ currency, lines }, metered, decisions) }
}
