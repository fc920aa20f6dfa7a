/** A place on the Earth, WGS 84, degrees. */
export interface Place {
  /** -90 to 90, north is positive. */
  readonly latitude: number
  /** -180 to 180, east is positive. */
  readonly longitude: number
}

/** All places at most so far from one. */
export interface Disc extends Place {
  readonly radiusKm: number
}

/** Mean radius R1 of the WGS 84 ellipsoid (IUGG), kilometres. */
export const EARTH_RADIUS_KM = 6371.0088
/**
 * The least radius of curvature of the ellipsoid, along a meridian at the equator: 6335.4 km. No way on the ellipsoid is
 * shorter than the same way on the mean sphere by more than this share.
 */
const ELLIPSOID_ERROR = 1 - 6335.439 / EARTH_RADIUS_KM
/** Light in vacuum, and in air to three ten-thousandths. Exact by the definition of the metre. */
const LIGHT_KM_PER_US = 0.299792458

/** A place as a point of the unit sphere, for when it is measured from often. */
export interface Direction {
  readonly x: number
  readonly y: number
  readonly z: number
}

export function directionOf({ latitude, longitude }: Place): Direction {
  const [phi, lambda] = [toRadians(latitude), toRadians(longitude)]
  const across = Math.cos(phi)
  return { x: across * Math.cos(lambda), y: across * Math.sin(lambda), z: Math.sin(phi) }
}

/** The great circle between two directions on the mean sphere, kilometres. */
export function arcKm(a: Direction, b: Direction): number {
  const [x, y, z] = [a.x - b.x, a.y - b.y, a.z - b.z]
  // By the chord: a cosine loses its digits near the place itself. Near the antipode a sine does: a hundred metres of 20,000 km.
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(x * x + y * y + z * z) / 2))
}

/** The same between places. */
export const distanceKm = (a: Place, b: Place): number => arcKm(directionOf(a), directionOf(b))

/** No more than the way on the ellipsoid: what a bound may be held against without excluding a place wrongly. */
export const leastArcKm = (a: Direction, b: Direction): number =>
  arcKm(a, b) * (1 - ELLIPSOID_ERROR)

/**
 * How far away something can be that answers after so many microseconds: light in vacuum there and back, 149.9 km for
 * each millisecond. Glass is a third slower and no cable is straight, but radio links exist, and what is to be excluded is
 * what is impossible, not what is unlikely.
 */
export function reachKm(roundTripUs: number): number {
  return (roundTripUs / 2) * LIGHT_KM_PER_US
}

const toRadians = (degrees: number): number => (degrees * Math.PI) / 180
