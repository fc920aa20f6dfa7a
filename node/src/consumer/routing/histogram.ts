import { HALF_LIFE_MS } from './average.ts'

/** How often durations of about each length were observed lately. Plain data, so that it can be kept over a restart. */
export interface Histogram {
  /** By the number of the bucket. */
  readonly counts: Readonly<Record<string, number>>
  /** When the counts were right, ms. */
  readonly at: number
}

export const NO_DURATIONS: Histogram = { counts: {}, at: 0 }

/** Four buckets for each doubling: a quantile is right to a fifth, and ten minutes take 77 buckets. */
const BUCKETS_PER_DOUBLING = 4
/** Less than this is left of an observation after ten half-lives. */
const COUNT_MIN = 0.001

/** Until so little of an observation is left, later ones count for more, and those before stay as they are. */
const RENEWED_BELOW = 0.5

export function withDuration(histogram: Histogram, ms: number, now: number): Histogram {
  const left = share(histogram, now)
  const bucket = Math.ceil(Math.log2(Math.max(1, ms)) * BUCKETS_PER_DOUBLING)
  if (left < RENEWED_BELOW) return withDuration(renewed(histogram, now), ms, now)
  const { counts, at } = histogram
  return { counts: { ...counts, [bucket]: (counts[bucket] ?? 0) + 1 / left }, at }
}

/** The same, with counts that are right now. */
function renewed(histogram: Histogram, now: number): Histogram {
  const left = share(histogram, now)
  const counts: Record<string, number> = {}
  for (const [bucket, count] of Object.entries(histogram.counts))
    if (count * left >= COUNT_MIN) counts[bucket] = count * left
  return { counts, at: now }
}

/** Observations, those of long ago counted in part. */
export function countOf(histogram: Histogram, now: number): number {
  return total(histogram) * share(histogram, now)
}

/** A duration that this share of the observations did not exceed, ms, rounded up; `undefined` without any. */
export function quantile(histogram: Histogram, q: number): number | undefined {
  const { counts } = histogram
  const wanted = total(histogram) * q
  let seen = 0
  let last: string | undefined
  // Keys that are numbers come in their order.
  for (last of Object.keys(counts)) {
    seen += counts[last] ?? 0
    if (seen >= wanted) break
  }
  return last === undefined ? undefined : 2 ** (Number(last) / BUCKETS_PER_DOUBLING)
}

function total({ counts }: Histogram): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function share({ at }: Histogram, now: number): number {
  return 0.5 ** (Math.max(0, now - at) / HALF_LIFE_MS)
}
