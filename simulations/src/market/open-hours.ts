import type { Random } from '../kernel/random.ts'
import type { MarketShape, ProviderPlan } from './plan.ts'
import { parseWindows, Schedule, WallClock } from './production.ts'
import { wallTime } from './virtual-time.ts'

/** Virtual ms. */
export interface Span {
  readonly from: number
  readonly until: number
}

const HOUR_MS = 3_600_000
const CLOCK = new WallClock('Europe/Berlin')
const ALWAYS: readonly Span[] = [{ from: 0, until: Number.POSITIVE_INFINITY }]

/** When the owner's schedule has the provider open, by the node's own rules. */
export function openSpans(
  { facts, isAlwaysOpen }: ProviderPlan,
  shape: MarketShape,
): readonly Span[] {
  if (isAlwaysOpen || facts.schedule === undefined) return ALWAYS
  const schedule = new Schedule(parseWindows(facts.schedule), CLOCK)
  const start = wallTime(shape, 0)
  const end = start + (shape.hours + 1) * HOUR_MS
  const spans: Span[] = []
  for (let at = start; at < end; ) {
    const next = schedule.nextChange(at) ?? end
    if (schedule.isOpen(at)) spans.push({ from: at - start, until: next - start })
    at = next
  }
  return spans
}

/** When it is gone without having meant to: power, updates, games. */
export function absences(
  { facts }: ProviderPlan,
  shape: MarketShape,
  random: Random,
): readonly Span[] {
  const spans: Span[] = []
  const everyMs = facts.awayEveryHours * HOUR_MS
  const end = shape.hours * HOUR_MS
  for (let from = random.exponential(everyMs); from < end; ) {
    const until = from + random.exponential(facts.awayMinutes * 60_000)
    spans.push({ from, until })
    from = until + random.exponential(everyMs)
  }
  return spans
}

export const isIn = (spans: readonly Span[], now: number): boolean =>
  spans.some(({ from, until }) => from <= now && now < until)
