import { isInRegion } from './countries.ts'
import { countriesWithin } from './land.ts'
import type { LandmarkPing } from './landmark.ts'
import { type Disc, distanceKm, type Place, reachKm } from './sphere.ts'

/** What of a measurement is geometry. */
export type MeasuredDisc = Pick<LandmarkPing, 'latitudeE4' | 'longitudeE4' | 'roundTripUs'>

/**
 * What round trips say of a claimed country. They bound where the holder of the key was, or whoever answered with it: a
 * proxy near the landmarks that holds the key passes for being there.
 */
export type LatencyVerdict =
  /** All land that the discs leave is in this region: the country itself, `EU` or `EEA`, whichever is the smallest. */
  | { readonly kind: 'within'; readonly region: string; readonly countries: readonly string[] }
  /** The country is possible, and so are others. */
  | { readonly kind: 'open'; readonly countries: readonly string[] }
  /** No land of the country is in all discs: the claim is false, or a landmark is. */
  | { readonly kind: 'excluded'; readonly countries: readonly string[] }

/** A place rounded to a record's grid is off by half of its step at most, on either axis: 8 m. */
const GRID_ERROR_KM = 0.01

/** Where something can be that answered a landmark so soon. */
export function discOf({ latitudeE4, longitudeE4, roundTripUs }: MeasuredDisc): Disc {
  return {
    latitude: latitudeE4 / 10_000,
    longitude: longitudeE4 / 10_000,
    radiusKm: reachKm(roundTripUs) + GRID_ERROR_KM,
  }
}

/** Holds a claimed country against measurements, all of which must have been checked: see `pingFault`. */
export function judgeLatency(claimed: string, pings: readonly MeasuredDisc[]): LatencyVerdict {
  const countries = [...countriesWithin(pings.map(discOf))].sort()
  if (!countries.includes(claimed)) return { kind: 'excluded', countries }
  const region = [claimed, 'EU', 'EEA'].find((area) =>
    countries.every((country) => isInRegion(country, area)),
  )
  return region === undefined ? { kind: 'open', countries } : { kind: 'within', region, countries }
}

/** A landmark that an attestor trusts to be where it says, and to measure honestly. */
export interface KnownLandmark extends Place {
  readonly peerId: string
}

/** What a measurement has to be of, to count. */
export interface PingExpectation {
  readonly subject: string
  readonly nonce: Uint8Array
  readonly landmarks: readonly KnownLandmark[]
  /** Not measured before this, ms since 1970: when the nonce was given. */
  readonly since: number
  readonly now: number
  /** How far a landmark's clock may be off, ms. */
  readonly skewMs: number
}

export type PingFault =
  | 'wrong-subject'
  | 'wrong-nonce'
  | 'unknown-landmark'
  | 'landmark-elsewhere'
  | 'too-old'
  | 'in-the-future'
  | 'expired'

/** A landmark may be configured and announced by different people, to two digits after the point. */
const SAME_PLACE_KM = 2

/** Why a measurement, whose signature is good, does not count; `undefined` when it does. */
export function pingFault(ping: LandmarkPing, expected: PingExpectation): PingFault | undefined {
  const { subject, nonce, landmarks, since, now, skewMs } = expected
  if (ping.subject !== subject) return 'wrong-subject'
  if (!isSame(ping.nonce, nonce)) return 'wrong-nonce'
  const landmark = landmarks.find(({ peerId }) => peerId === ping.landmark)
  if (landmark === undefined) return 'unknown-landmark'
  if (distanceKm(landmark, discOf(ping)) > SAME_PLACE_KM) return 'landmark-elsewhere'
  if (ping.at < since - skewMs) return 'too-old'
  if (ping.at > now + skewMs) return 'in-the-future'
  return ping.notAfter <= now ? 'expired' : undefined
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, place) => byte === b[place])
