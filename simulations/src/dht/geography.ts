import { isInRegion } from '@hanse/protocol'
import type { Random } from '../kernel/random.ts'
import { CITIES } from '../residency/cities.ts'
import { ACCESSES, type Access, measure, pathBetween } from '../residency/latency-model.ts'

/** A market that begins in the EU. */
const EU_SHARE = 0.6
/** Between machines at a line of no length: the last miles are added for each peer. */
const NO_MILE: Access = { name: 'none', share: 0, leastMs: 0, mostMs: 0, jitterMs: 0 }

/** TCP, then Noise with its negotiation, whose payload names the multiplexer as well. */
const CONNECT_ROUND_TRIPS = 4
/** A stream is negotiated, then asked on. */
const ASK_ROUND_TRIPS = 2
/** To decode a question, look into the table and the store, and encode twenty peers. */
const HANDLE_MS = 2

const EU_CITIES = CITIES.flatMap(({ country }, i) => (isInRegion(country, 'EU') ? [i] : []))
const OTHER_CITIES = CITIES.flatMap(({ country }, i) => (isInRegion(country, 'EU') ? [] : [i]))

/** Where every peer is and how it hangs on the network: the paths and last miles of the simulation of locations. */
export class Geography {
  readonly #city: Uint8Array
  readonly #access: Uint8Array
  readonly #mile: Float32Array
  readonly #between: Float32Array

  constructor(random: Random, count: number) {
    this.#city = new Uint8Array(count)
    this.#access = new Uint8Array(count)
    this.#mile = new Float32Array(count)
    this.#between = betweenCities(random.fork('paths'))
    const draw = random.fork('peers')
    for (let peer = 0; peer < count; peer++) {
      this.#city[peer] = draw.pick(draw.chance(EU_SHARE) ? EU_CITIES : OTHER_CITIES)
      const access = accessOf(draw.float())
      const { leastMs, mostMs } = ACCESSES[access] as Access
      this.#access[peer] = access
      this.#mile[peer] = leastMs + draw.float() * (mostMs - leastMs)
    }
  }

  countryOf(peer: number): string {
    return CITIES[this.#city[peer] as number]?.country ?? ''
  }

  /** One round trip now, milliseconds. */
  roundTrip(random: Random, one: number, other: number): number {
    const way = this.#between[
      (this.#city[one] as number) * CITIES.length + (this.#city[other] as number)
    ] as number
    const worse = Math.max(this.#access[one] as number, this.#access[other] as number)
    const leastMs = way + (this.#mile[one] as number) + (this.#mile[other] as number)
    return measure(random, { leastMs, access: ACCESSES[worse] as Access }, 1) / 1000
  }

  /** From a question to its answer, milliseconds. */
  askMs(random: Random, one: number, other: number, isConnected: boolean): number {
    const trips = ASK_ROUND_TRIPS + (isConnected ? 0 : CONNECT_ROUND_TRIPS)
    return trips * this.roundTrip(random, one, other) + HANDLE_MS
  }
}

function betweenCities(random: Random): Float32Array {
  const ways = new Float32Array(CITIES.length ** 2)
  for (const [i, one] of CITIES.entries())
    for (const [j, other] of CITIES.slice(0, i + 1).entries()) {
      const { leastMs } = pathBetween(random, [one, other], NO_MILE)
      ways[i * CITIES.length + j] = leastMs
      ways[j * CITIES.length + i] = leastMs
    }
  return ways
}

function accessOf(draw: number): number {
  let left = draw
  for (const [i, { share }] of ACCESSES.entries()) {
    left -= share
    if (left < 0) return i
  }
  return 0
}
