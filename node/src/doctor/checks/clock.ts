import { CLOCK_SKEW_MS, ERRORS } from '@hanse/protocol'
import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { ClockReading } from '../provider-facts.ts'

/** Half of what orders tolerate: the other side may be off by as much. */
const WARN_MS = CLOCK_SKEW_MS / 2

/** Orders are refused when two clocks differ by a minute. Several sources: the middle one outvotes a wrong peer. */
export function clockRight({ clocks }: { readonly clocks: readonly ClockReading[] }): Finding {
  const id = 'clock.offset'
  const advice = `${ERRORS.HANSE_CLOCK.advice} On Linux: sudo timedatectl set-ntp true; elsewhere in Date & Time.`
  const offset = middle(clocks.map(({ offsetMs }) => offsetMs))
  if (offset === undefined) {
    return unknown(id, 'nobody to compare the clock with', advice)
  }
  const facts = {
    offsetMs: Math.round(offset),
    sources: clocks.map(({ source, offsetMs }) => `${source}: ${Math.round(offsetMs)} ms`),
  }
  const size = Math.abs(offset)
  const how = `${(size / 1000).toFixed(1)} s ${offset < 0 ? 'slow' : 'fast'}`
  if (size > CLOCK_SKEW_MS)
    return fail(id, `the clock is ${how}: orders are refused`, advice, facts)
  if (size > WARN_MS) return warn(id, `the clock is ${how}; at 60 s orders fail`, advice, facts)
  return ok(id, `the clock is right to ${Math.max(size / 1000, 0.1).toFixed(1)} s`, facts)
}

function middle(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)]
}
