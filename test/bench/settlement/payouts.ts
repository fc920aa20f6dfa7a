import { runPayouts, type SettlementContext } from '@hanse/settlement'
import { FakePayments, seedPayables } from '@hanse/settlement/testing'
import type { Figures } from './measure.ts'
import { type Scale, SHARE, type StoreName } from './scale.ts'
import { newHome } from './service.ts'

/** Two euro each: more than the minimum, and less than what is held back of newcomers. */
const CENTS = 200n
const AT_ONCE = { turn: async () => undefined }

/**
 * A run over providers that are all owed something, without Stripe's limit of requests, which alone takes 50 ms for each.
 */
export async function measurePayouts(
  store: StoreName,
  { providers }: Scale,
  figures: Figures,
): Promise<void> {
  await using home = await newHome(store)
  await using settlement = await home.open()
  const count = providers / SHARE[store]
  await seedPayables(settlement.store, count, CENTS)
  const payments = new FakePayments()
  const context = { ...settlement.context, payments } as unknown as SettlementContext
  const start = performance.now()
  const { payouts } = await runPayouts(context, { pacer: AT_ONCE })
  figures.add('payout-run', (performance.now() - start) / 1000)
  if (payouts.length !== count || payments.paidCents !== CENTS * BigInt(count)) {
    throw new Error(`${payouts.length} payouts of ${payments.paidCents} cents`)
  }
}
