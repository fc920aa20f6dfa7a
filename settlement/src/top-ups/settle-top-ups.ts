import { allPages, oneByOne } from '../billing/one-by-one.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { checkoutNews, paymentNews } from './payment-news.ts'
import { chargeTopUp, KEY_MS } from './top-up.ts'
import type { TopUpRow } from './top-up-store.ts'

/** Whoever made a younger one may still be at work on it. */
const OPEN_AFTER_MS = 120_000
/** A page that Stripe never made cannot be paid. */
const PAGE_MS = 24 * 3_600_000
/** A fee that Stripe has not told in a month it will not tell. */
const FEES_MS = 30 * 24 * 3_600_000

/**
 * Asks how top-ups came out whose outcome nobody has told: the process died, an answer was lost, a webhook never came.
 * Safe to run at once with everything else, for crediting is.
 *
 * @returns how many have an outcome now
 */
export async function settleTopUps(context: SettlementContext): Promise<number> {
  const { store, now } = context
  let settled = 0
  const at = now()
  const since = { createdBefore: at - OPEN_AFTER_MS, feesSince: at - FEES_MS }
  // All of them: pages and bank debits stay open for days, and must not keep a lost answer waiting.
  const open = allPages(
    (after, limit) => store.unsettledTopUps({ ...since, after, limit }),
    ({ id }) => id,
  )
  await oneByOne(open, async (row) => {
    await settle(context, row)
    const after = await store.topUp(row.id)
    if (after !== undefined && after.state !== 'pending') settled++
  })
  return settled
}

async function settle(context: SettlementContext, row: TopUpRow): Promise<void> {
  const { store } = context
  if (row.paymentIntent !== null) {
    return store.applyEffects(await paymentNews(context, row.paymentIntent))
  }
  if (row.source === 'checkout') return settleCheckout(context, row)
  // Nothing is known of the charge. Its own id makes asking again safe for a day; after that, had it succeeded, an event
  // would have told.
  if (context.now() - row.createdAt > KEY_MS || row.paymentMethod === null) {
    return abandon(context, row)
  }
  try {
    await chargeTopUp(context, row)
  } catch (error) {
    // It was declined, or there is no answer yet: neither concerns the next.
    if (!(error instanceof SettlementError)) throw error
  }
}

async function settleCheckout(context: SettlementContext, row: TopUpRow): Promise<void> {
  if (row.checkout !== null) {
    return context.store.applyEffects(await checkoutNews(context, row.checkout))
  }
  if (context.now() - row.createdAt > PAGE_MS) await abandon(context, row)
}

/** A payment that succeeded after all still credits: `failed` is not final. */
async function abandon({ store, now }: SettlementContext, row: TopUpRow): Promise<void> {
  const { id, cents } = row
  const failed = { status: 'failed', failure: 'abandoned', closed: true } as const
  await store.finishTopUp({ id, paymentIntent: '', cents, at: now(), ...failed })
}
