/** A machine's clock: off by `skewMs` when virtual time begins, and gaining `driftPpm` microseconds a second. */
export interface ClockError {
  readonly skewMs: number
  readonly driftPpm: number
}

export const TRUE_CLOCK: ClockError = { skewMs: 0, driftPpm: 0 }

/** The wall clock, whole milliseconds since 1970. */
export function wallTime(epoch: number, now: number, { skewMs, driftPpm }: ClockError): number {
  return Math.floor(epoch + now * (1 + driftPpm / 1e6) + skewMs)
}

/** How much virtual time passes while this clock counts `ms`. */
export function virtualSpan(ms: number, { driftPpm }: ClockError): number {
  return ms / (1 + driftPpm / 1e6)
}
