import { named, order } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { decodeSigned } from '../receipts/submission.ts'
import type { RateCard } from './card-format.ts'
import { decimalOf, format } from './decimal.ts'
import { importCard, readCard } from './import-card.ts'

export const MARKET_CARD = 'market'
const DAY_MS = 86_400_000
/** Pico-euro. */
const SCALE = 12
/** The newest of a day: enough for a median of any model that is traded, and some seconds of reading. */
const SESSIONS_MAX = 20_000

/** A session of which the order is known. */
export interface PricedSession {
  readonly model: string
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** Pico-euro for one token. */
  readonly inputPrice: bigint
  readonly outputPrice: bigint
}

/**
 * Publishes the market's own prices of yesterday. Models that were not traded keep the price they had last. Sessions that
 * were settled by a Statement, and have shown no order, do not say what a token was.
 */
export async function publishMarketCard(
  context: Pick<SettlementContext, 'store' | 'now'>,
): Promise<{ sessions: number; version: number | null }> {
  const { store, now } = context
  const from = Math.floor(now() / DAY_MS) * DAY_MS - DAY_MS
  const orders = await store.tradedOrders(from, from + DAY_MS, SESSIONS_MAX)
  const sessions = orders.map(({ signedOrder, inputTokens, outputTokens }): PricedSession => {
    const { model, inputPrice, outputPrice } = named(order, decodeSigned(signedOrder).bytes).value
    return { model, inputTokens, outputTokens, inputPrice, outputPrice }
  })
  if (sessions.length === 0) return { sessions: 0, version: null }
  const before = await store.newestRateCard(null, MARKET_CARD)
  const models = { ...(before && readCard(before.content).models), ...marketModels(sessions) }
  const day = new Date(from).toISOString().slice(0, 10)
  const { version } = await importCard(context, {
    owner: null,
    text: JSON.stringify(cardOf(day, models)),
    source: 'settled sessions',
    actor: 'market',
    // A market may move as it likes.
    accept: true,
  })
  return { sessions: sessions.length, version }
}

/** By model, the price at which half of its tokens were traded or cheaper: always a price that somebody paid. */
export function marketModels(sessions: readonly PricedSession[]): RateCard['models'] {
  const byModel = Map.groupBy(sessions, ({ model }) => model)
  return Object.fromEntries(
    [...byModel].map(([model, of]) => {
      const input = of.map((one) => ({ price: one.inputPrice, weight: one.inputTokens }))
      const output = of.map((one) => ({ price: one.outputPrice, weight: one.outputTokens }))
      const prices = { input: inEuro(median(input)), output: inEuro(median(output)) }
      const billedAs = { cached_input: 'input', reasoning: 'output' }
      return [model, { per: '1' as const, prices, billedAs, promptTiers: [] }]
    }),
  )
}

function median(values: readonly { readonly price: bigint; readonly weight: bigint }[]): bigint {
  const sorted = values.toSorted((a, b) => (a.price < b.price ? -1 : a.price > b.price ? 1 : 0))
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0n)
  let below = 0n
  for (const { price, weight } of sorted) {
    below += weight
    if (2n * below >= total) return price
  }
  throw new Error('a median of nothing')
}

const inEuro = (price: bigint): string => format(decimalOf(price, SCALE))

const cardOf = (day: string, models: RateCard['models']): RateCard => ({
  format: 'hanse-rate-card/1',
  card: MARKET_CARD,
  publisher: 'Hanse',
  currency: 'EUR',
  effectiveFrom: day,
  effectiveTo: null,
  source: 'settled sessions',
  retrieved: day,
  verified: true,
  note: 'By model, the median of the prices at which tokens were settled on this day, or when it was last traded.',
  models,
})
