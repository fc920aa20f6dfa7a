import type { SettlementContext } from '../context.ts'
import { operatorOf } from '../documents/sides.ts'
import { MISSING } from '../traders/declaration.ts'
import { traderOf } from '../traders/settle-trader.ts'
import { type Dac7Report, type ReportedSeller, reportedQuarters, yearOf } from './seller-year.ts'
import type { SellerQuarter } from './seller-year-store.ts'

/**
 * The sellers of a calendar year with what was paid or credited to them. For services there is no threshold: whoever earned
 * anything is in it (the exemption of Annex V, Section I, B (4) (d) DAC is for goods).
 */
export async function dac7Report(
  context: SettlementContext,
  year: number,
  provider?: string,
): Promise<Dac7Report> {
  const { store, now } = context
  const facts = await store.sellerYears({
    ...yearOf(year),
    ...(provider !== undefined && { provider }),
  })
  const { party, test } = operatorOf(context)
  const sellers: ReportedSeller[] = []
  for (const [id, quarters] of Map.groupBy(facts, (one) => one.provider)) {
    sellers.push(await sellerOf(context, id, quarters))
  }
  return { year, madeAt: now(), test, operator: party, sellers }
}

async function sellerOf(
  context: SettlementContext,
  id: string,
  facts: readonly SellerQuarter[],
): Promise<ReportedSeller> {
  const trader = await traderOf(context, id)
  const missing = (trader?.missing ?? []).filter(
    (one) => MISSING[one] === 'dac7' || one === 'name-and-address',
  )
  return {
    provider: id,
    profile: trader?.profile ?? null,
    declaration: trader?.stored?.declaration ?? null,
    missing,
    ...reportedQuarters(facts),
  }
}
