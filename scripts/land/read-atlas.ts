import { countryOf } from './country-codes.ts'

export type Point = readonly [east: number, north: number]
/** An outline and its holes, degrees; each ends where it begins. */
export interface Polygon {
  readonly country: string
  readonly rings: readonly (readonly Point[])[]
}

interface Geometry {
  readonly type: string | null
  readonly id?: string
  readonly arcs?: readonly unknown[]
}

/** What is used of a TopoJSON file: github.com/topojson/topojson-specification. */
export interface Topology {
  readonly transform: { readonly scale: Point; readonly translate: Point }
  readonly arcs: readonly (readonly Point[])[]
  readonly objects: { readonly countries: { readonly geometries: readonly Geometry[] } }
}

/** The polygons of all countries. */
export function readAtlas({ transform, arcs, objects }: Topology): Polygon[] {
  const lines = arcs.map((arc) => decodeArc(arc, transform))
  const ringOf = (indices: readonly number[]): Point[] =>
    indices.flatMap((index, place) => {
      const line = index < 0 ? (lines[~index] ?? []).toReversed() : (lines[index] ?? [])
      // Each begins where the one before ended.
      return place === 0 ? line : line.slice(1)
    })
  return objects.countries.geometries.flatMap(({ type, id, arcs: given = [] }) => {
    const polygons = (type === 'Polygon' ? [given] : given) as readonly (readonly number[][])[]
    return polygons.flatMap((indices) => {
      const rings = indices.map((ring) => unwrap(ringOf(ring)))
      const country = countryOf(id, rings[0]?.[0] ?? [0, 0])
      return around(rings).map((turned) => ({ country, rings: turned }))
    })
  })
}

/** Goes on past the antimeridian instead of jumping to its other side; what goes around the pole is closed there. */
function unwrap(ring: readonly Point[]): Point[] {
  let turns = 0
  const points = ring.map(([east, north], place): Point => {
    const before = ring[place - 1]?.[0] ?? east
    if (east - before > 180) turns -= 360
    if (before - east > 180) turns += 360
    return [east + turns, north]
  })
  const first = points[0]
  if (turns === 0 || first === undefined) return points
  // Only Antarctica.
  return [...points, [first[0] + turns, -90], [first[0], -90], first]
}

/** Once more, a turn to the west or to the east, when it lies on both sides of the antimeridian. */
function around(rings: readonly (readonly Point[])[]): (readonly (readonly Point[])[])[] {
  const easts = (rings[0] ?? []).map(([east]) => east)
  const turns = [0]
  if (easts.some((east) => east > 180)) turns.push(-360)
  if (easts.some((east) => east < -180)) turns.push(360)
  return turns.map((turn) => rings.map((ring) => ring.map(([east, north]) => [east + turn, north])))
}

/** Points are differences from the one before, in steps of the grid. */
function decodeArc(arc: readonly Point[], { scale, translate }: Topology['transform']): Point[] {
  let x = 0
  let y = 0
  return arc.map(([dx, dy]) => {
    x += dx
    y += dy
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]]
  })
}
