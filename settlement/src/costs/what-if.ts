import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { dayOf, type PriceOf, resolveCards } from './card-resolver.ts'
import { add, type Decimal, decimalOf, ZERO } from './decimal.ts'
import { convert, type ExchangeRate } from './exchange.ts'
import { isLinear, RunningCost, type Slice } from './running-cost.ts'

export interface WhatIf {
  readonly organization: string
  /** Whole days in UTC, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
  readonly card: string
  /** This version on every day, instead of what was in force on each. */
  readonly version?: number
  /** By our name, what a model is called on the card; a model that is not here is looked up by its own name. */
  readonly models: Readonly<Record<string, string>>
  /** Leave out models that have no price, and say so, instead of refusing. */
  readonly leaveOut: boolean
  /** What to convert costs into; they stay in the currency of the card when not given. */
  readonly currency?: string
  readonly rates: readonly ExchangeRate[]
  /** As if all of it had been sent as batches. */
  readonly batch: boolean
}

/** What one model would have cost on one day, and did. */
export interface WhatIfRow extends Omit<Slice, 'amount' | 'fee' | 'promptTokens'> {
  readonly pricedAs: string
  /** Id of the version of the card. */
  readonly version: bigint
  readonly currency: string
  readonly cost: Decimal
  /** What was paid, euro. */
  readonly actual: Decimal
}

export interface WhatIfResult {
  /** By day and model. */
  readonly rows: readonly WhatIfRow[]
  /** By currency. */
  readonly totals: ReadonlyMap<string, Decimal>
  /** Of what is in the rows, euro. */
  readonly actual: Decimal
  /** By model without a price, what was paid for it, euro. */
  readonly leftOut: ReadonlyMap<string, Decimal>
}

/** 366 days of some fifty models; more is asked for in parts. */
const ROWS_MAX = 20_000
const PICO = 12

/**
 * What an organization's real usage would have cost by a card: elsewhere, by its own negotiated prices, or by another
 * version than the one of the day.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_PRICE_UNKNOWN, HANSE_EXCHANGE_RATE_UNKNOWN, HANSE_USAGE_GONE
 */
export async function whatIf(
  { store }: Pick<SettlementContext, 'store'>,
  request: WhatIf,
): Promise<WhatIfResult> {
  const { organization, to, models } = request
  // Tiers count from the beginning of a month.
  const start = monthOf(request.from)
  const priceOf = await resolveCards(store, {
    ...request,
    from: dayOf(start),
    to: dayOf(to - 1),
  })
  const used = await store.usageByDay({ organization, from: start, to, limit: ROWS_MAX + 1 })
  if (used.length > ROWS_MAX) throw tooMuch()
  const nameOf = (model: string) =>
    (Object.hasOwn(models, model) ? models[model] : undefined) ?? model
  const priced = used.map((one) => ({ ...one, price: priceOf(one.day, nameOf(one.model)) }))
  const sizes = sizesOf(priced)
  const sized = await sizedUsage(store, request, start, priced, sizes)
  const slices: Slice[] = [
    ...used
      .filter(({ model }) => !sizes.has(model))
      .map((one): Slice => ({ ...one, promptTokens: null })),
    ...sized,
  ]
  return compute(request, priceOf, nameOf, slices)
}

type Priced = { readonly day: string; readonly model: string; readonly price: ReturnType<PriceOf> }

/** By model whose price depends on the size of the prompt, the sizes at which it changes. */
function sizesOf(priced: readonly Priced[]): Map<string, Set<bigint>> {
  const sizes = new Map<string, Set<bigint>>()
  for (const { model, price } of priced) {
    for (const { above } of price?.structure.promptTiers ?? []) {
      // A whole number is above 2.5 when it is above 2.
      const whole = above.units / 10n ** BigInt(above.scale)
      sizes.set(model, (sizes.get(model) ?? new Set()).add(whole))
    }
  }
  return sizes
}

async function sizedUsage(
  store: SettlementContext['store'],
  { organization, from, to }: WhatIf,
  month: number,
  priced: readonly Priced[],
  sizes: ReadonlyMap<string, ReadonlySet<bigint>>,
): Promise<Slice[]> {
  if (sizes.size === 0) return []
  const counts = priced.some(
    ({ model, price }) => sizes.has(model) && price !== undefined && !isLinear(price.structure),
  )
  const start = counts ? month : from
  const kept = await store.sessionsKeptFrom()
  if (kept !== null && start < kept) {
    throw new SettlementError(
      'HANSE_USAGE_GONE',
      `the price depends on the size of prompts, which are known from ${dayOf(kept)} on`,
    )
  }
  const above = [...new Set([...sizes.values()].flatMap((some) => [...some]))]
  return store.usageBySize({
    organization,
    from: start,
    to,
    models: [...sizes.keys()],
    above: above.toSorted((a, b) => (a < b ? -1 : 1)),
  })
}

function compute(
  request: WhatIf,
  priceOf: PriceOf,
  nameOf: (model: string) => string,
  slices: readonly Slice[],
): WhatIfResult {
  const rows: WhatIfRow[] = []
  const leftOut = new Map<string, Decimal>()
  const running = new Map<string, RunningCost>()
  for (const [day, ofDay] of byDay(slices)) {
    const isAsked = day >= dayOf(request.from)
    for (const [model, of] of Map.groupBy(ofDay, (one) => one.model)) {
      const pricedAs = nameOf(model)
      const price = priceOf(day, pricedAs)
      const actual = decimalOf(sumOf(of, 'amount'), PICO)
      if (price === undefined) {
        if (!isAsked) continue
        if (!request.leaveOut) throw unknown(request.card, pricedAs, day)
        leftOut.set(model, add(leftOut.get(model) ?? ZERO, actual))
        continue
      }
      if (!isAsked && isLinear(price.structure)) continue
      const cost = running.get(model) ?? new RunningCost(request.batch)
      running.set(model, cost)
      const own = cost.add(day, price, of)
      if (!isAsked) continue
      const from = price.structure.currency
      const currency = request.currency ?? from
      rows.push({
        day,
        model,
        pricedAs,
        version: price.version.id,
        ...countsOf(of),
        currency,
        cost: convert(own, { from, to: currency, date: day }, request.rates),
        actual,
      })
    }
  }
  return { rows, ...totalsOf(rows), leftOut }
}

const byDay = (slices: readonly Slice[]): [string, Slice[]][] =>
  [...Map.groupBy(slices, ({ day }) => day)].toSorted(([a], [b]) => (a < b ? -1 : 1))

type Count = 'sessions' | 'inputTokens' | 'cachedInputTokens' | 'outputTokens'

const sumOf = (slices: readonly Slice[], name: Count | 'amount'): bigint =>
  slices.reduce((sum, slice) => sum + slice[name], 0n)

const countsOf = (slices: readonly Slice[]): Record<Count, bigint> => ({
  sessions: sumOf(slices, 'sessions'),
  inputTokens: sumOf(slices, 'inputTokens'),
  cachedInputTokens: sumOf(slices, 'cachedInputTokens'),
  outputTokens: sumOf(slices, 'outputTokens'),
})

function totalsOf(rows: readonly WhatIfRow[]): Pick<WhatIfResult, 'totals' | 'actual'> {
  const totals = new Map<string, Decimal>()
  let actual = ZERO
  for (const row of rows) {
    totals.set(row.currency, add(totals.get(row.currency) ?? ZERO, row.cost))
    actual = add(actual, row.actual)
  }
  return { totals, actual }
}

function monthOf(at: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

const unknown = (card: string, model: string, day: string) =>
  new SettlementError('HANSE_PRICE_UNKNOWN', `the card ${card} has no price for ${model} on ${day}`)

const tooMuch = () =>
  new SettlementError('HANSE_REQUEST_INVALID', 'that is too much at once: ask for fewer days')
