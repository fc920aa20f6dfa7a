import type { Row } from '#lib/market/rows.ts'
import { type PicoEuro, picoEuro } from '#lib/money.ts'

/** Of fewer, a quarter is not a whole offer: then they are listed, and nothing is concluded. */
export const othersMin = 4
/** A request reads about three tokens for each that it writes; so are prices weighed, to compare them as one number. */
const readFor = 3n
const parts = readFor + 1n

export type Standing = 'cheapest' | 'lower' | 'middle' | 'upper' | 'dearest'

/** A model that a node offers, beside what others of the region ask for the same. */
export type Advice = {
  readonly model: string
  readonly own: Row
  /** The cheapest first. */
  readonly others: readonly Row[]
  /** What a token costs on the average of a request, pico-euro; rounded down. */
  readonly mixed: PicoEuro
  /** Of the others; undefined where they are too few. */
  readonly quartiles: Quartiles | undefined
  readonly standing: Standing | undefined
  /** Answers that could be begun at once elsewhere, and all that others could write. */
  readonly freeElsewhere: number
  readonly slotsElsewhere: number
}
export type Quartiles = {
  readonly low: PicoEuro
  readonly median: PicoEuro
  readonly high: PicoEuro
}

/** Four times what a token of an average request costs: whole, so that equal prices are equal. */
const weightOf = ({ inputPrice, outputPrice }: Row): bigint => readFor * inputPrice + outputPrice
export const mixedPrice = (row: Row): PicoEuro => picoEuro(weightOf(row) / parts)

/**
 * Where each model of a node stands among the offers that can be seen now.
 *
 * @param isNear whether an offer from a country is one that consumers of this node's region would also take
 */
export function adviceFor(
  rows: readonly Row[],
  provider: string,
  isNear: (country: string, own: string) => boolean,
): Advice[] {
  return rows
    .filter((row) => row.provider === provider)
    .map((own) =>
      adviceOf(
        own,
        rows.filter((row) => isRival(row, own, isNear)),
      ),
    )
}

const isRival = (row: Row, own: Row, isNear: (country: string, own: string) => boolean): boolean =>
  row.model === own.model &&
  row.provider !== own.provider &&
  // What an attestor speaks against is taken by nobody who asks for a region.
  row.against === undefined &&
  isNear(row.country, own.country)

function adviceOf(own: Row, found: readonly Row[]): Advice {
  const others = found.toSorted((a, b) => compare(weightOf(a), weightOf(b)))
  const enough = others.length >= othersMin
  const sum = (of: (row: Row) => number) => others.reduce((total, row) => total + of(row), 0)
  return {
    model: own.model,
    own,
    others,
    mixed: mixedPrice(own),
    quartiles: enough
      ? { low: at(others, 1n), median: at(others, 2n), high: at(others, 3n) }
      : undefined,
    standing: enough ? standingOf(own, others) : undefined,
    freeElsewhere: sum(({ freeSlots }) => freeSlots),
    slotsElsewhere: sum(({ slots }) => slots),
  }
}

/** The least price that so many quarters of the offers do not exceed: one that somebody really asks. */
function at(sorted: readonly Row[], quarters: bigint): PicoEuro {
  return mixedPrice(rowAt(sorted, quarters))
}

function rowAt(sorted: readonly Row[], quarters: bigint): Row {
  const rank = (BigInt(sorted.length) * quarters + 3n) / 4n
  const row = sorted[Number(rank) - 1]
  if (row === undefined) throw new RangeError(`no quartile of ${sorted.length} offers`)
  return row
}

function standingOf(own: Row, sorted: readonly Row[]): Standing {
  const weight = weightOf(own)
  const [first, last] = [sorted[0], sorted.at(-1)]
  if (first !== undefined && weight < weightOf(first)) return 'cheapest'
  if (last !== undefined && weight > weightOf(last)) return 'dearest'
  if (weight < weightOf(rowAt(sorted, 1n))) return 'lower'
  return weight > weightOf(rowAt(sorted, 3n)) ? 'upper' : 'middle'
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)
