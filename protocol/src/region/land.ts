import { LAND_DIGITS, LAND_SETS, LAND_SQUARES } from './land-data.ts'
import {
  type Direction,
  type Disc,
  directionOf,
  distanceKm,
  leastArcKm,
  type Place,
} from './sphere.ts'

/** Land that has no country code or is in dispute; in no region. */
export const NO_COUNTRY = 'ZZ'

/** Natural Earth's coasts and borders are generalized for 1:10,000,000: a millimetre on that map is ten kilometres. */
const BORDER_ERROR_KM = 5
const ROOT_DEGREES = 45
/** Ten kilometres: how finely the inside of a country is looked at. */
const FINE_DEGREES = ROOT_DEGREES / 2 ** 9

interface Square {
  /** All that have land in it, in any of its quarters. */
  readonly countries: readonly string[]
  readonly quarters: readonly Square[]
}

interface Bound {
  readonly centre: Direction
  readonly radiusKm: number
}

interface Area {
  readonly west: number
  readonly south: number
  readonly size: number
}

/**
 * The countries that have land in all of the discs: codes, and `ZZ` for land of none. Errs towards more: a country that
 * is not among them has no place in the discs but islands that are on no map of the world, and ships.
 */
export function countriesWithin(discs: readonly Disc[]): Set<string> {
  const found = new Set<string>()
  const bounds = needed(discs).map(
    (disc): Bound => ({ centre: directionOf(disc), radiusKm: disc.radiusKm + BORDER_ERROR_KM }),
  )
  eachRoot((square, area) => search(square, area, bounds, found))
  return found
}

/** Without those that hold all of the smallest one, which bound nothing. */
function needed(discs: readonly Disc[]): Disc[] {
  const sorted = discs.toSorted((a, b) => a.radiusKm - b.radiusKm)
  const smallest = sorted[0]
  if (smallest === undefined) return []
  return sorted.filter(
    (disc) => disc === smallest || distanceKm(disc, smallest) + smallest.radiusKm > disc.radiusKm,
  )
}

/** The countries that a place may be in: more than one near borders, none at sea. */
export const countriesAt = (place: Place): Set<string> =>
  countriesWithin([{ ...place, radiusKm: 0 }])

/** A square of the map, degrees; land of more than one country where borders are. */
export interface LandSquare {
  readonly west: number
  readonly south: number
  readonly size: number
  /** Codes, and `ZZ`, the one with the most land first. */
  readonly countries: readonly string[]
}

/** All squares that have land in them: ten kilometres at coasts and borders of Europe, larger where nothing changes. */
export function landSquares(): LandSquare[] {
  const found: LandSquare[] = []
  const gather = ({ countries, quarters }: Square, area: Area): void => {
    if (quarters.length === 0) {
      if (countries.length > 0) found.push({ ...area, countries })
      return
    }
    quartersOf(area).forEach((quarter, place) => {
      gather(quarters[place] ?? SEA, quarter)
    })
  }
  eachRoot(gather)
  return found
}

function search(square: Square, area: Area, bounds: readonly Bound[], found: Set<string>): void {
  const { countries, quarters } = square
  const isLeaf = quarters.length === 0
  if (countries.every((country) => found.has(country))) return
  const middle = directionOf(middleOf(area))
  const reach = distanceKm(middleOf(area), cornerOf(area))
  let isIn = true
  for (const { centre, radiusKm } of bounds) {
    const away = leastArcKm(middle, centre)
    if (away - reach > radiusKm) return
    isIn &&= away <= radiusKm
  }
  if (isLeaf && (isIn || area.size <= FINE_DEGREES)) {
    for (const country of countries) found.add(country)
    return
  }
  quartersOf(area).forEach((quarter, place) => {
    search(quarters[place] ?? square, quarter, bounds, found)
  })
}

const middleOf = ({ west, south, size }: Area): Place => ({
  latitude: south + size / 2,
  longitude: west + size / 2,
})

/** On the longer one of the two parallels: nothing of the square is farther from its middle. */
const cornerOf = ({ west, south, size }: Area): Place => ({
  latitude: Math.abs(south) < Math.abs(south + size) ? south : south + size,
  longitude: west,
})

function quartersOf({ west, south, size }: Area): Area[] {
  const half = size / 2
  return [south, south + half].flatMap((low) =>
    [west, west + half].map((left) => ({ west: left, south: low, size: half })),
  )
}

function eachRoot(visit: (square: Square, area: Area) => void): void {
  let place = 0
  roots ??= readSquares()
  for (let south = -90; south < 90; south += ROOT_DEGREES)
    for (let west = -180; west < 180; west += ROOT_DEGREES)
      visit(roots[place++] ?? SEA, { west, south, size: ROOT_DEGREES })
}

const SEA: Square = { countries: [], quarters: [] }
/** Read at the first use: most nodes never need it. */
let roots: readonly Square[] | undefined

/** The format is written down in land-data.ts. */
function readSquares(): Square[] {
  const sets = LAND_SETS.split(',').map(
    (set): Square => ({ countries: set.split(' '), quarters: [] }),
  )
  const base = LAND_DIGITS.length
  let at = 0
  const digit = (): number => LAND_DIGITS.indexOf(LAND_SQUARES[at++] ?? '')
  const read = (): Square => {
    const sign = LAND_SQUARES[at++] ?? ''
    if (sign === '.') return SEA
    if (sign === '+') return joined([read(), read(), read(), read()])
    const place = sign === '~' ? base + digit() * base + digit() : LAND_DIGITS.indexOf(sign)
    return sets[place] ?? SEA
  }
  const squares: Square[] = []
  while (at < LAND_SQUARES.length) squares.push(read())
  return squares
}

const joined = (quarters: readonly Square[]): Square => ({
  countries: [...new Set(quarters.flatMap(({ countries }) => countries))],
  quarters,
})
