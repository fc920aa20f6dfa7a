import type { RateCard } from './card-format.ts'
import { structureOf } from './card-structure.ts'
import { compare, type Decimal, decimal, format, multiply } from './decimal.ts'
import type { PriceStructure } from './price-structure.ts'
import { percentChange } from './round-amount.ts'

export interface PriceChange {
  readonly model: string
  /** Such as `input`, `output prompt above 200000`, `input tier 2 up to`. */
  readonly what: string
  /** Prices are for one unit; `null` where there was none. */
  readonly before: string | null
  readonly after: string | null
  /** How much more it is, with two digits; `null` where there is no such number. */
  readonly percent: string | null
}

export interface CardDiff {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly PriceChange[]
  /** Why somebody should look before it is taken; empty when nothing is unusual. */
  readonly suspicious: readonly string[]
}

/** A price that is ten times another is more often a slip of the point than a new price. */
const FACTOR_MAX = decimal(10n)
/** Of a few models half may go in a day. */
const MODELS_FEW = 4

/** What a card changes; with no `before`, everything is added. */
export function diffCards(before: RateCard | undefined, after: RateCard): CardDiff {
  const had = Object.keys(before?.models ?? {})
  const has = Object.keys(after.models)
  const [wasThere, isThere] = [new Set(had), new Set(has)]
  const kept = has.filter((name) => wasThere.has(name))
  const added = has.filter((name) => !wasThere.has(name))
  const removed = had.filter((name) => !isThere.has(name))
  const all = before === undefined ? [] : kept.flatMap((name) => changesOf(before, after, name))
  const suspicious = all.filter(({ isSuspicious }) => isSuspicious).map(({ change }) => change)
  return {
    added,
    removed,
    changed: all.map(({ change }) => change),
    suspicious: [
      ...(before !== undefined && before.currency !== after.currency
        ? [`the currency was ${before.currency} and is ${after.currency}`]
        : []),
      ...(had.length >= MODELS_FEW && removed.length * 2 > had.length
        ? [`${removed.length} of ${had.length} models are gone`]
        : []),
      ...suspicious.map((one) => `${one.model}: ${one.what} was ${one.before} and is ${one.after}`),
    ],
  }
}

/** Whether both say the same of everything. */
export const isSame = ({ added, removed, changed, suspicious }: CardDiff): boolean =>
  added.length + removed.length + changed.length + suspicious.length === 0

interface Value {
  readonly text: string
  readonly number: Decimal | null
  readonly isPrice: boolean
}

function changesOf(
  before: RateCard,
  after: RateCard,
  model: string,
): { change: PriceChange; isSuspicious: boolean }[] {
  const [old, now] = [valuesOf(before, model), valuesOf(after, model)]
  const names = new Set([...old.keys(), ...now.keys()])
  return [...names].flatMap((what) => {
    const [a, b] = [old.get(what), now.get(what)]
    if (a?.text === b?.text) return []
    const numbers = a?.number && b?.number ? ([a.number, b.number] as const) : undefined
    const percent = numbers && percentChange(...numbers)
    return [
      {
        change: {
          model,
          what,
          before: a?.text ?? null,
          after: b?.text ?? null,
          percent: percent ? format(percent) : null,
        },
        isSuspicious: numbers !== undefined && a?.isPrice === true && isFarApart(...numbers),
      },
    ]
  })
}

/** A price that becomes 0, or was it, is far from any other. */
function isFarApart(a: Decimal, b: Decimal): boolean {
  const [low, high] = compare(a, b) < 0 ? [a, b] : [b, a]
  return compare(multiply(low, FACTOR_MAX), high) < 0
}

function valuesOf(card: RateCard, model: string): Map<string, Value> {
  const structure = structureOf(card, model)
  return new Map(structure === undefined ? [] : flatten(structure))
}

/** Everything that a structure says, by a name that people can read. */
function* flatten(structure: PriceStructure): Generator<[string, Value]> {
  for (const [kind, { mode, tiers, free }] of Object.entries(structure.prices)) {
    const isTiered = tiers.length > 1
    if (isTiered) yield [`${kind} mode`, { text: mode, number: null, isPrice: false }]
    for (const [i, { upTo, price }] of tiers.entries()) {
      const name = isTiered ? `${kind} tier ${i + 1}` : kind
      yield [name, priceValue(price)]
      if (upTo !== null) yield [`${name} up to`, countValue(upTo)]
    }
    if (free.units > 0n) yield [`${kind} free`, countValue(free)]
  }
  for (const { above, prices } of structure.promptTiers) {
    for (const [kind, price] of Object.entries(prices)) {
      yield [`${kind} prompt above ${format(above)}`, priceValue(price)]
    }
  }
  if (structure.batch !== null) {
    yield ['batch multiplier', priceValue(structure.batch.multiplier)]
    for (const [kind, price] of Object.entries(structure.batch.prices)) {
      yield [`${kind} batch`, priceValue(price)]
    }
  }
  for (const [kind, as] of Object.entries(structure.billedAs)) {
    yield [`${kind} billed as`, { text: as, number: null, isPrice: false }]
  }
  if (structure.minimum.units > 0n) yield ['minimum', priceValue(structure.minimum)]
}

const priceValue = (number: Decimal): Value => ({ text: format(number), number, isPrice: true })
const countValue = (number: Decimal): Value => ({ text: format(number), number, isPrice: false })
