import { distanceKm, type Place } from '@hanse/protocol'
import type { Random } from '../kernel/random.ts'

/** How a provider hangs on the network: what its last mile adds to a round trip, and how much that varies. */
export interface Access {
  readonly name: string
  readonly share: number
  /** Milliseconds added to every round trip of a line: from, to. */
  readonly leastMs: number
  readonly mostMs: number
  /** Mean of the exponential part of the jitter of one ping, milliseconds. */
  readonly jitterMs: number
}

/**
 * Homes are most of a market of idle GPUs. The figures are those of lines that are not loaded: a rack has a switch or two,
 * fibre to the home a passive splitter, cable and DSL wait for their slot and interleave.
 */
export const ACCESSES: readonly Access[] = [
  { name: 'data centre', share: 0.25, leastMs: 0.1, mostMs: 0.6, jitterMs: 0.05 },
  { name: 'fibre', share: 0.35, leastMs: 1, mostMs: 4, jitterMs: 0.4 },
  { name: 'cable or DSL', share: 0.4, leastMs: 7, mostMs: 22, jitterMs: 2 },
]

/** Kilometres that a signal covers in a millisecond: in vacuum, and in glass of index 1.468. */
const VACUUM_KM_PER_MS = 299.792458
const GLASS_KM_PER_MS = VACUUM_KM_PER_MS / 1.468

/** Cables follow coasts, railways and exchanges: at the median 1.7 times the great circle, and seldom below 1.15. */
const STRETCH = { median: 1.7, sigma: 0.3, least: 1.15 }
/** Routers, on the way there and back. */
const HOPS_MS = { least: 0.15, most: 0.8 }
/** One ping in ten meets a queue: Pareto, from a millisecond, with a tail that has no mean worth naming. */
const QUEUE = { chance: 0.1, fromMs: 1, exponent: 1.3 }
/** A microwave or laser link goes straight, through air. */
const RADIO_STRETCH = 1.02

/** Between two places: what the way adds every time, and what it adds this time. */
export interface Path {
  readonly leastMs: number
  readonly access: Access
}

/** @param radio whether the path is by radio instead of glass: rare, and what the strict bound is for */
export function pathBetween(
  random: Random,
  [one, other]: readonly [Place, Place],
  access: Access,
  radio = false,
): Path {
  const km = distanceKm(one, other)
  const stretch = radio
    ? RADIO_STRETCH
    : logNormal(random, STRETCH.median, STRETCH.sigma, STRETCH.least)
  const speed = radio ? VACUUM_KM_PER_MS : GLASS_KM_PER_MS
  const mile = uniform(random, access.leastMs, access.mostMs)
  const hops = uniform(random, HOPS_MS.least, HOPS_MS.most)
  return { leastMs: (2 * km * stretch) / speed + mile + hops, access }
}

/** The smallest of a series of pings, microseconds, as a landmark signs it. */
export function measure(random: Random, { leastMs, access }: Path, pings: number): number {
  const times = Array.from({ length: pings }, () => {
    const queued = random.chance(QUEUE.chance)
      ? QUEUE.fromMs * (1 - random.float()) ** (-1 / QUEUE.exponent)
      : 0
    return leastMs + random.exponential(access.jitterMs) + queued
  })
  return Math.ceil(Math.min(...times) * 1000)
}

const uniform = (random: Random, least: number, most: number): number =>
  least + random.float() * (most - least)

/** Box and Muller. */
function logNormal(random: Random, median: number, sigma: number, least: number): number {
  const normal =
    Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float())
  return Math.max(least, median * Math.exp(sigma * normal))
}
