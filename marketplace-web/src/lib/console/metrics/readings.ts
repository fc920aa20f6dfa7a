import type { Answer } from '@hanse/client'

export type Metrics = Answer<'/v1/admin/metrics', 'get'>
export type Sample = Metrics['samples'][number]
export type RouteUse = Metrics['routes'][number]
export type Outcomes = Sample['requests']

const minuteMs = 60_000
/** As many as the service keeps. */
const samplesMax = 360

/** What is known and what is new of the same process; of another process, what it says alone. */
export function merged(before: Metrics | undefined, now: Metrics): Metrics {
  if (before === undefined || before.startedAt !== now.startedAt) return now
  const lastAt = before.samples.at(-1)?.at ?? 0
  const more = now.samples.filter(({ at }) => at > lastAt)
  return { ...now, samples: [...before.samples, ...more].slice(-samplesMax) }
}

export const all = ({ done, refused, failed }: Outcomes): number => done + refused + failed

/** How often something happened in the last minute that was measured, which may be the first few seconds of a process. */
export function perMinute(
  samples: readonly Sample[],
  count: (sample: Sample) => number,
): number | undefined {
  const end = samples.at(-1)?.at
  if (end === undefined) return undefined
  const last = samples.filter(({ at }) => at > end - minuteMs)
  const ms = last.reduce((sum, { periodMs }) => sum + periodMs, 0)
  const found = last.reduce((sum, sample) => sum + count(sample), 0)
  return ms <= 0 ? undefined : (found * minuteMs) / ms
}

export const sum = (samples: readonly Sample[], count: (sample: Sample) => number): number =>
  samples.reduce((total, sample) => total + count(sample), 0)

/** A line of a chart: values at instants, null where there was nothing to measure. */
export type Point = { readonly at: Date; readonly value: number | null }

/** Counts of periods as a rate, so that a period that was longer is no peak. */
export const rateLine = (
  samples: readonly Sample[],
  count: (sample: Sample) => number,
): readonly Point[] =>
  samples.map((sample) => ({
    at: new Date(sample.at),
    value: sample.periodMs <= 0 ? null : (count(sample) * minuteMs) / sample.periodMs,
  }))

export const valueLine = (
  samples: readonly Sample[],
  value: (sample: Sample) => number | null,
): readonly Point[] => samples.map((sample) => ({ at: new Date(sample.at), value: value(sample) }))

/** How many entries came to the log in each period; nothing where the one before, or this one, is not known. */
export const growthLine = (samples: readonly Sample[]): readonly Point[] =>
  samples.map(({ at, logEntries }, index) => {
    const before = samples[index - 1]?.logEntries ?? null
    const known = logEntries !== null && before !== null
    return { at: new Date(at), value: known ? logEntries - before : null }
  })

/** Values with nothing measured before and after them: no line goes through them. */
export const alone = (points: readonly Point[]): readonly Point[] =>
  points.filter(
    ({ value }, index) =>
      value !== null &&
      (points[index - 1]?.value ?? null) === null &&
      (points[index + 1]?.value ?? null) === null,
  )
