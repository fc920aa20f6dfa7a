import type { Point, Polygon } from './read-atlas.ts'

/** A square of degrees: which countries touch it, or its quarters: south-west, south-east, north-west, north-east. */
export type Square = readonly string[] | { readonly quarters: readonly Square[] }

interface Area {
  readonly west: number
  readonly south: number
  readonly size: number
}

interface Edge {
  readonly country: string
  readonly from: Point
  readonly to: Point
}

/** The side of the smallest square that an area is divided into, degrees. */
export type Finest = (area: Area) => number

/** Divides squares until each has one country or none, or is as small as it may be. */
export function divide(
  polygons: readonly Polygon[],
  roots: readonly Area[],
  finest: Finest,
): Square[] {
  const edges = polygons.flatMap(edgesOf)
  const byCountry = Map.groupBy(edges, ({ country }) => country)
  const isIn = (country: string, point: Point) =>
    crossings(byCountry.get(country) ?? [], point) % 2 === 1
  const visit = (area: Area, above: readonly Edge[], around: readonly string[]): Square => {
    const here = above.filter((edge) => touches(edge, area))
    const touching = new Set(here.map(({ country }) => country))
    const maybe = new Set(above.map(({ country }) => country))
    const middle: Point = [area.west + area.size / 2, area.south + area.size / 2]
    // No edge passes here: all of it is in the country, or nothing.
    const whole = [...maybe].filter((country) => !touching.has(country) && isIn(country, middle))
    const full = [...around, ...whole]
    if (here.length === 0) return full.sort()
    if (area.size <= finest(area)) return [...new Set([...full, ...touching])].sort()
    const quarters = quartersOf(area).map((quarter) => visit(quarter, here, full))
    return merged(quarters) ?? { quarters }
  }
  return roots.map((root) => visit(root, edges, []))
}

export function quartersOf({ west, south, size }: Area): Area[] {
  const half = size / 2
  return [
    { west, south, size: half },
    { west: west + half, south, size: half },
    { west, south: south + half, size: half },
    { west: west + half, south: south + half, size: half },
  ]
}

/** Four quarters of the same countries are one square. */
function merged(quarters: readonly Square[]): Square | undefined {
  const names = quarters.map((quarter) => ('quarters' in quarter ? undefined : quarter.join()))
  return names[0] !== undefined && names.every((name) => name === names[0])
    ? quarters[0]
    : undefined
}

function edgesOf({ country, rings }: Polygon): Edge[] {
  return rings.flatMap((ring) =>
    ring.slice(1).map((to, place): Edge => ({ country, from: ring[place] as Point, to })),
  )
}

/** How many edges a ray from the point to the east crosses. */
function crossings(edges: readonly Edge[], [x, y]: Point): number {
  let count = 0
  for (const { from, to } of edges) {
    if (from[1] > y === to[1] > y) continue
    if (x < from[0] + ((y - from[1]) / (to[1] - from[1])) * (to[0] - from[0])) count++
  }
  return count
}

/** Whether an edge passes through an area (Liang and Barsky). */
function touches({ from, to }: Edge, { west, south, size }: Area): boolean {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]]
  let enter = 0
  let leave = 1
  for (const [step, room] of [
    [-dx, from[0] - west],
    [dx, west + size - from[0]],
    [-dy, from[1] - south],
    [dy, south + size - from[1]],
  ] as const) {
    if (step === 0) {
      if (room < 0) return false
      continue
    }
    const at = room / step
    if (step < 0) enter = Math.max(enter, at)
    else leave = Math.min(leave, at)
    if (enter > leave) return false
  }
  return true
}
