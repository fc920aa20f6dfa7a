import { dayOf, type PriceOf, resolveCards } from '../costs/card-resolver.ts'
import { decimalOf, format } from '../costs/decimal.ts'
import type { PriceStructure } from '../costs/price-structure.ts'
import { priceUsage } from '../costs/price-usage.ts'
import { isLinear } from '../costs/running-cost.ts'
import type { Usage } from '../costs/usage.ts'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import type { Rate, UnratedUsage } from './rate-port.ts'
import type { SpendCell } from './spend-query.ts'

/** Rate cards of providers that exports know by another name; every other name is its card's. */
const CARDS: Readonly<Record<string, string>> = {
  azure: 'azure-openai',
  'azure.ai.openai': 'azure-openai',
  'az.ai.openai': 'azure-openai',
  azure_ai: 'azure-openai',
  'aws-bedrock': 'bedrock',
  'aws.bedrock': 'bedrock',
  bedrock_converse: 'bedrock',
  'gcp.gemini': 'google',
  'gcp.gen_ai': 'google',
  'gcp.vertex_ai': 'google',
  gemini: 'google',
  vertex_ai: 'google',
  mistral_ai: 'mistral',
}

type Store = Pick<SettlementStore, 'rateCardsInForce' | 'rateCardVersion' | 'rateCard'>

/** The rate cards that were in force for an organization, of the providers and days of these cells. */
export async function ratesOf(
  store: Store,
  organization: string,
  cells: readonly SpendCell[],
): Promise<Rate> {
  const unrated = cells.filter(({ basis }) => basis === 'unrated')
  if (unrated.length === 0) return () => undefined
  const times = unrated.map(({ at }) => at)
  const days = {
    from: dayOf(times.reduce((a, b) => Math.min(a, b))),
    to: dayOf(times.reduce((a, b) => Math.max(a, b))),
  }
  const prices = new Map<string, PriceOf | undefined>()
  for (const card of new Set(unrated.map(({ provider }) => cardOf(provider)))) {
    prices.set(card, await pricesOf(store, { organization, card, ...days }))
  }
  return (usage) => {
    const price = prices.get(cardOf(usage.provider))?.(dayOf(usage.at), usage.model)
    return price && rated(price.structure, usage)
  }
}

const cardOf = (provider: string): string =>
  (Object.hasOwn(CARDS, provider) ? CARDS[provider] : undefined) ?? provider

async function pricesOf(
  store: Store,
  choice: Parameters<typeof resolveCards>[1],
): Promise<PriceOf | undefined> {
  try {
    return await resolveCards(store, choice)
  } catch (error) {
    if (error instanceof SettlementError && error.code === 'HANSE_NOT_FOUND') return undefined
    throw error
  }
}

/** Not where the price depends on more than is known of sums: on a month's amounts, or on the size of single prompts. */
function rated(structure: PriceStructure, usage: UnratedUsage): ReturnType<Rate> {
  const { tier, requests } = usage
  // Reports that count no requests say nothing about a price for each.
  if (structure.prices.request !== undefined && requests === 0n) return undefined
  if (!isLinear(structure) || (tier !== '' && tier !== 'batch')) return undefined
  try {
    const { total, currency } = priceUsage(structure, [toUsage(usage)])
    return { amount: format(total), currency }
  } catch (error) {
    if (error instanceof SettlementError && UNRATED.includes(error.code)) return undefined
    throw error
  }
}

const UNRATED: readonly string[] = ['HANSE_PRICE_UNKNOWN', 'HANSE_USAGE_INVALID']

const toUsage = (usage: UnratedUsage): Usage => ({
  quantities: {
    input: decimalOf(usage.inputTokens, 0),
    cached_input: decimalOf(usage.cachedInputTokens, 0),
    cache_write_5m: decimalOf(usage.cacheWriteTokens - usage.longCacheWriteTokens, 0),
    cache_write_1h: decimalOf(usage.longCacheWriteTokens, 0),
    output: decimalOf(usage.outputTokens, 0),
    reasoning: decimalOf(usage.reasoningTokens, 0),
    request: decimalOf(usage.requests, 0),
  },
  partOf: {
    cached_input: 'input',
    cache_write_5m: 'input',
    cache_write_1h: 'input',
    reasoning: 'output',
  },
  promptTokens: usage.requests === 1n ? decimalOf(usage.inputTokens, 0) : null,
  batch: usage.tier === 'batch',
})
