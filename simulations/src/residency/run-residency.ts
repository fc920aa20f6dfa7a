import { isInRegion, judgeLatency, type LatencyVerdict, type Place } from '@hanse/protocol'
import { Random } from '../kernel/random.ts'
import { CITIES, type City, LANDMARKS_MAX } from './cities.ts'
import { ACCESSES, type Access, measure, pathBetween } from './latency-model.ts'

/** Who claims to be in the EU. */
export const CASTS = ['honest', 'outside', 'outside by radio', 'proxy'] as const
export type Cast = (typeof CASTS)[number]

export interface ResidencyPlan {
  readonly seed: string
  /** Of each cast. */
  readonly providers: number
  readonly landmarkCounts: readonly number[]
  /** In a series, of which the smallest counts. */
  readonly pings: number
}

export const RESIDENCY: ResidencyPlan = {
  seed: 'residency 0',
  providers: 1000,
  landmarkCounts: [1, 2, 4, 8, 16, 32],
  pings: 8,
}

/** What a number of landmarks came to, of the providers of a cast; shares of 1. */
export interface Outcome {
  readonly cast: Cast
  /** Only of those with this access; undefined for all. */
  readonly access: string | undefined
  readonly landmarks: number
  readonly providers: number
  /** Proven to be in the claimed country. */
  readonly inCountry: number
  /** Proven to be in the EU, in whichever of its countries. */
  readonly inEu: number
  /** The same by the rule of thumb of 100 km for a millisecond, which is not used. */
  readonly inEuByThumb: number
  /** The claim is proven false. */
  readonly excluded: number
}

interface Sample {
  readonly cast: Cast
  readonly access: string
  readonly claimed: string
  readonly roundTripsUs: readonly number[]
}

const isEu = ({ country }: City): boolean => isInRegion(country, 'EU')
const EU_CITIES = CITIES.filter(isEu)
const OTHER_CITIES = CITIES.filter((city) => !isEu(city))
const LANDMARKS = EU_CITIES.slice(0, LANDMARKS_MAX)
/** Suburbs: half of the table's people live this near its points. */
const AROUND_DEGREES = 0.15
/** A strict disc shrinks to the fibre rule's when its round trip is taken as so much shorter. */
const THUMB = 100 / 149.896229

/** Every cast, measured by every number of landmarks; the same plan gives the same outcomes. */
export function runResidency(plan: ResidencyPlan, onProgress?: (done: number) => void): Outcome[] {
  const samples = CASTS.flatMap((cast) =>
    Array.from({ length: plan.providers }, (_, i) => {
      const random = new Random(plan.seed).fork(cast).fork(i)
      return sample(random, cast, plan.pings)
    }),
  )
  return plan.landmarkCounts.flatMap((landmarks, step) => {
    const judged = samples.map((one) => ({ one, ...verdictsOf(one, landmarks) }))
    onProgress?.((step + 1) / plan.landmarkCounts.length)
    return CASTS.flatMap((cast) =>
      accessesOf(cast).map((access): Outcome => {
        const own = judged.filter(
          ({ one }) => one.cast === cast && (access === undefined || one.access === access),
        )
        const share = (is: (entry: (typeof own)[number]) => boolean) =>
          own.length === 0 ? 0 : own.filter(is).length / own.length
        return {
          cast,
          access,
          landmarks,
          providers: own.length,
          inCountry: share(({ one, strict }) => regionOf(strict) === one.claimed),
          inEu: share(({ strict }) => isWithinEu(strict)),
          inEuByThumb: share(({ thumb }) => isWithinEu(thumb)),
          excluded: share(({ strict }) => strict.kind === 'excluded'),
        }
      }),
    )
  })
}

/** Only of the honest it is told by access too. */
const accessesOf = (cast: Cast): readonly (string | undefined)[] =>
  cast === 'honest' ? [undefined, ...ACCESSES.map(({ name }) => name)] : [undefined]

function sample(random: Random, cast: Cast, pings: number): Sample {
  const access = accessOf(random)
  const home = random.pick(EU_CITIES)
  // A proxy is measured where it stands, which is a rack in the EU; a liar claims the country that it would like to be in.
  const line = cast === 'proxy' ? (ACCESSES[0] as Access) : access
  const place = around(random, cast.startsWith('outside') ? random.pick(OTHER_CITIES) : home)
  const roundTripsUs = LANDMARKS.map((landmark) => {
    const path = pathBetween(random, [place, landmark], line, cast === 'outside by radio')
    return measure(random, path, pings)
  })
  return { cast, access: line.name, claimed: home.country, roundTripsUs }
}

function verdictsOf(
  { claimed, roundTripsUs }: Sample,
  landmarks: number,
): { readonly strict: LatencyVerdict; readonly thumb: LatencyVerdict } {
  const judge = (scale: number) =>
    judgeLatency(
      claimed,
      LANDMARKS.slice(0, landmarks).map(({ latitude, longitude }, i) => ({
        latitudeE4: Math.round(latitude * 10_000),
        longitudeE4: Math.round(longitude * 10_000),
        roundTripUs: (roundTripsUs[i] ?? 0) * scale,
      })),
    )
  return { strict: judge(1), thumb: judge(THUMB) }
}

const regionOf = (verdict: LatencyVerdict): string | undefined =>
  verdict.kind === 'within' ? verdict.region : undefined

const isWithinEu = (verdict: LatencyVerdict): boolean => {
  const region = regionOf(verdict)
  return region !== undefined && region !== 'EEA'
}

function accessOf(random: Random): Access {
  let left = random.float()
  for (const access of ACCESSES) {
    left -= access.share
    if (left < 0) return access
  }
  return ACCESSES[0] as Access
}

const around = (random: Random, { latitude, longitude }: Place): Place => ({
  latitude: latitude + (random.float() - 0.5) * 2 * AROUND_DEGREES,
  longitude: longitude + (random.float() - 0.5) * 2 * AROUND_DEGREES,
})
