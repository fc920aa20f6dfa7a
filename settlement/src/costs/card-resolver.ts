import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import type { RateCard } from './card-format.ts'
import type { CardVersion } from './card-store.ts'
import { structureOf } from './card-structure.ts'
import { readCard } from './import-card.ts'
import type { PriceStructure } from './price-structure.ts'

export interface CardChoice {
  readonly organization: string
  readonly card: string
  /** This one on every day, instead of what was in force. */
  readonly version?: number
  /** Days, both included. */
  readonly from: string
  readonly to: string
}

/** A price, and where it is from. */
export interface ResolvedPrice {
  readonly structure: PriceStructure
  readonly version: CardVersion
}

/** @returns `undefined` where no card in force on the day names the model */
export type PriceOf = (day: string, model: string) => ResolvedPrice | undefined

/** A card in force for a few days each is read once for each of them. */
const CARDS_MAX = 200

type Store = Pick<SettlementStore, 'rateCardsInForce' | 'rateCardVersion' | 'rateCard'>

/**
 * Prices by day: of the versions that are in force, the newest; an organization's own card before the platform's of the
 * same name, model by model.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND when there is no such card
 */
export async function resolveCards(store: Store, choice: CardChoice): Promise<PriceOf> {
  const { organization, card, version } = choice
  const versions =
    version === undefined
      ? await store.rateCardsInForce(choice)
      : await store.rateCardVersion(organization, card, version)
  if (versions.length === 0) {
    throw new SettlementError('HANSE_NOT_FOUND', `there is no rate card ${card} for these days`)
  }
  const chosenOn = (day: string) => chosen(versions, version === undefined ? day : undefined)
  const needed = new Map(
    daysBetween(choice).flatMap((day) => chosenOn(day).map((one) => [one.id, one] as const)),
  )
  if (needed.size > CARDS_MAX) {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'the card changed too often: ask for less')
  }
  const contents = new Map<bigint, RateCard>()
  for (const id of needed.keys()) {
    const found = await store.rateCard(organization, id)
    if (found !== undefined) contents.set(id, readCard(found.content))
  }
  return memoized((day, model) => {
    for (const one of chosenOn(day)) {
      const content = contents.get(one.id)
      const structure = content && structureOf(content, model)
      if (structure !== undefined) return { structure, version: one }
    }
    return undefined
  })
}

/** The organization's own and the platform's, in this order, as far as they are there. */
function chosen(versions: readonly CardVersion[], day: string | undefined): CardVersion[] {
  const inForce = versions.filter(
    ({ effectiveFrom, effectiveTo }) =>
      day === undefined || (effectiveFrom <= day && (effectiveTo === null || day < effectiveTo)),
  )
  const newest = (isOwn: boolean) =>
    inForce
      .filter(({ organization }) => (organization !== null) === isOwn)
      .reduce<CardVersion | undefined>(
        (best, one) => (best === undefined || one.version > best.version ? one : best),
        undefined,
      )
  return [newest(true), newest(false)].filter((one) => one !== undefined)
}

function memoized(priceOf: PriceOf): PriceOf {
  const known = new Map<string, ResolvedPrice | undefined>()
  return (day, model) => {
    const key = `${day} ${model}`
    if (!known.has(key)) known.set(key, priceOf(day, model))
    return known.get(key)
  }
}

const DAY_MS = 86_400_000

export function daysBetween({
  from,
  to,
}: {
  readonly from: string
  readonly to: string
}): string[] {
  const [first, last] = [Date.parse(from), Date.parse(to)]
  const count = Math.floor((last - first) / DAY_MS) + 1
  return Array.from({ length: Math.max(count, 0) }, (_, i) => dayOf(first + i * DAY_MS))
}

/** In UTC. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)
