import { HanseError } from '../errors.ts'
import { parseDecimal } from './checkpoint.ts'
import { isSize } from './verify.ts'

/** Hashes in a full tile, entries in a full bundle (C2SP tlog-tiles). */
export const TILE_WIDTH = 256
/** Highest level that a path can name. Trees below 2⁶⁴ entries end at level 7. */
export const TILE_LEVEL_MAX = 63

/** Which tile of the tree: a level of hashes, or the entries themselves. */
export interface TileName {
  readonly level: number | 'entries'
  readonly index: bigint
  /** Hashes or entries in it, 1 to 256; a full tile has 256. */
  readonly width: number
}

/**
 * Where a tile is served, below the prefix of the log.
 *
 * @param level 0 to 63, or `entries` for the bundles of entries
 * @param index within the level
 * @param width 1 to 255 name a partial tile; 256, 0 and none the full one
 * @throws {HanseError} HANSE_LOG_TILE_PATH
 */
export function tilePath(
  level: number | 'entries',
  index: bigint | number,
  width: number = TILE_WIDTH,
): string {
  if (level !== 'entries' && !isWithin(level, 0, TILE_LEVEL_MAX)) throw badPath(`level ${level}`)
  if (!isWithin(width, 0, TILE_WIDTH)) throw badPath(`width ${width}`)
  const isPartial = width !== 0 && width !== TILE_WIDTH
  return `tile/${level}/${indexPath(index)}${isPartial ? `.p/${width}` : ''}`
}

/**
 * Reads such a path. Each tile has one: another spelling of it is refused.
 *
 * @throws {HanseError} HANSE_LOG_TILE_PATH
 */
export function parseTilePath(path: string): TileName {
  const match = typeof path === 'string' && path.length <= PATH_LENGTH_MAX ? PATH.exec(path) : null
  const { level, groups, width } = match?.groups ?? {}
  const index = parseDecimal((groups ?? '-').replace(/[x/]/gu, '').replace(/^0+(?=.)/u, ''))
  if (level === undefined || index === undefined) throw badPath('not the path of a tile')
  const name: TileName = {
    level: level === 'entries' ? level : Number(level),
    index,
    width: width === undefined ? TILE_WIDTH : Number(width),
  }
  if (tilePath(name.level, name.index, name.width) !== path) throw badPath('another spelling')
  return name
}

const PATH =
  /^tile\/(?<level>entries|[0-9]{1,2})\/(?<groups>(?:x[0-9]{3}\/){0,6}[0-9]{3})(?:\.p\/(?<width>[0-9]{1,3}))?$/u
/** The longest is tile/entries/ with seven groups and a width. */
const PATH_LENGTH_MAX = 64

/** Groups of three digits, all but the last marked with an x, so that no directory is named like a file. */
function indexPath(index: bigint | number): string {
  const value = typeof index === 'number' && Number.isSafeInteger(index) ? BigInt(index) : index
  if (!isSize(value)) throw badPath(`index ${index}`)
  const digits = value.toString()
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  return (padded.match(/.../gu) ?? [])
    .map((group, i, all) => (i < all.length - 1 ? `x${group}` : group))
    .join('/')
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}

function badPath(why: string): HanseError {
  return new HanseError('HANSE_LOG_TILE_PATH', `no such tile: ${why}`)
}
