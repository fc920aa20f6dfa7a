import { isEqual, join, Refused } from './bytes.ts'
import { leafHash, rootOf } from './merkle.ts'

export interface TileName {
  readonly level: number | 'entries'
  readonly index: bigint
  readonly width: number
}

export function tilePath({ level, index, width }: TileName): string {
  const groups: string[] = []
  let rest = index
  do {
    const group = (rest % 1000n).toString().padStart(3, '0')
    groups.unshift(groups.length === 0 ? group : `x${group}`)
    rest /= 1000n
  } while (rest > 0n)
  return `tile/${level}/${groups.join('/')}${width === 256 ? '' : `.p/${width}`}`
}

/** Each tile has one path. @throws {Refused} HANSE_LOG_TILE_PATH */
export function parseTilePath(path: string): TileName {
  const match = /^tile\/(entries|\d+)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/su.exec(path)
  const [, level = '', groups = '', width = '256'] = match ?? []
  const name: TileName = {
    level: level === 'entries' ? level : Number(level),
    index: BigInt(groups.replaceAll(/[x/]/gu, '') || '0'),
    width: Number(width),
  }
  const isTile =
    match !== null &&
    (name.level === 'entries' || name.level < 64) &&
    name.index < 2n ** 64n &&
    name.width >= 1 &&
    name.width <= 256
  if (!isTile || tilePath(name) !== path) throw new Refused('HANSE_LOG_TILE_PATH')
  return name
}

/** @throws {Refused} HANSE_LOG_TILE */
export function readBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = []
  let rest = bytes
  while (rest.length > 0) {
    const [high, low] = rest
    if (high === undefined || low === undefined) throw new Refused('HANSE_LOG_TILE')
    const end = 2 + 256 * high + low
    if (end > rest.length) throw new Refused('HANSE_LOG_TILE')
    entries.push(rest.slice(2, end))
    rest = rest.slice(end)
  }
  if (entries.length !== width) throw new Refused('HANSE_LOG_TILE')
  return entries
}

export function writeBundle(entries: readonly Uint8Array[]): Uint8Array {
  return join(
    ...entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry]),
  )
}

/** Every tile and bundle of a log with these entries. */
export function tilesOf(entries: readonly Uint8Array[]): Map<string, Uint8Array> {
  const tiles = new Map<string, Uint8Array>()
  for (const [index, part] of inTiles(entries).entries()) {
    tiles.set(
      tilePath({ level: 'entries', index: BigInt(index), width: part.length }),
      writeBundle(part),
    )
  }
  let hashes = entries.map(leafHash)
  for (let level = 0; hashes.length > 0; level++) {
    const parts = inTiles(hashes)
    for (const [index, part] of parts.entries()) {
      tiles.set(tilePath({ level, index: BigInt(index), width: part.length }), join(...part))
    }
    hashes = parts.filter((part) => part.length === 256).map(rootOf)
  }
  return tiles
}

function inTiles(items: readonly Uint8Array[]): Uint8Array[][] {
  const count = Math.ceil(items.length / 256)
  return Array.from({ length: count }, (_, i) => items.slice(256 * i, 256 * (i + 1)))
}

export function isSameTiles(
  a: ReadonlyMap<string, Uint8Array>,
  b: ReadonlyMap<string, Uint8Array>,
): boolean {
  return (
    a.size === b.size &&
    [...a].every(([path, bytes]) => isEqual(bytes, b.get(path) ?? new Uint8Array()))
  )
}
