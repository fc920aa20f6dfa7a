import { clearlyAbove } from '@hanse/simulations/lab'
import type { SoakResult } from './run-soak.ts'
import type { Measure } from './watch.ts'

/**
 * MiB a minute that are taken for a leak when a slope lies above by three standard errors. What is alive after a collection
 * must not grow at all; a bound of 0.25 is what a run of ten minutes can tell from the noise. The resident set also has what
 * the allocator keeps for later.
 */
export const SLOPE_BOUNDS: Readonly<Record<Measure, number>> = {
  'live-heap': 0.25,
  'live-external': 0.25,
  rss: 1,
}

/** Below this share of honest requests served while nothing is broken on purpose, the market does not do its work. */
const SERVED_SHARE_LEAST = 0.99
/** Heaps, pools and what is remembered of each stranger fill up for some five minutes. */
const SLOPE_MINUTES_LEAST = 10

/** What was promised and did not hold; empty when all is well. */
export function judge(result: SoakResult): string[] {
  const { memory, asks, minutes, idle, before, after, complaints, strangers } = result
  const quiet = asks.filter(({ disturbed, outcome }) => !disturbed && outcome !== 'left')
  const served = quiet.filter(({ outcome }) => outcome === 'served')
  return [
    ...complaints,
    ...(minutes < SLOPE_MINUTES_LEAST
      ? []
      : memory.flatMap(({ daemon, measure, slope }) =>
          slope !== undefined && clearlyAbove(slope, SLOPE_BOUNDS[measure])
            ? [`${daemon}: ${measure} grows by ${slope.perMinute.toFixed(2)} MiB a minute`]
            : [],
        )),
    ...(idle
      ? []
      : [`not idle in the end: ${JSON.stringify(after)}, before: ${JSON.stringify(before)}`]),
    ...(served.length >= quiet.length * SERVED_SHARE_LEAST && served.length > 0
      ? []
      : [
          `${served.length} of ${quiet.length} honest requests were served while nothing was broken`,
        ]),
    ...Object.entries(strangers).flatMap(([name, counts]) =>
      (counts.done ?? 0) > 0 ? [] : [`no stranger ${name} to its end: the run says nothing of it`],
    ),
  ]
}
