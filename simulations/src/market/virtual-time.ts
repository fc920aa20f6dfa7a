import type { Kernel } from '../kernel/index.ts'

const HOUR_MS = 3_600_000
/** Monday, 16 November 2026, 00:00 in Berlin. */
const MONDAY = Date.UTC(2026, 10, 15, 23)

/** What the agents' clocks show, ms since 1970, when virtual time is `now`. */
export const wallTime = ({ from }: { readonly from: number }, now: number): number =>
  MONDAY + from * HOUR_MS + now

/** Timers of promises, in virtual time. */
export const timerOf =
  (kernel: Kernel) =>
  (ms: number, run: () => void): (() => void) => {
    const scheduled = kernel.after(ms, () => {
      run()
      kernel.stir()
    })
    return () => {
      scheduled.cancelled = true
    }
  }
