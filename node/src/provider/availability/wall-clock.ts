/** What the clock on the wall shows: minutes since Monday 00:00, and how far it is ahead of UTC. */
export interface WallTime {
  readonly minuteOfWeek: number
  readonly offsetMs: number
}

export const MINUTES_A_DAY = 24 * 60
export const MINUTES_A_WEEK = 7 * MINUTES_A_DAY
const MINUTE_MS = 60_000

/** Reads the wall clock of a time zone, whose rules come with Node. */
export class WallClock {
  readonly #format: Intl.DateTimeFormat

  /** @throws {RangeError} when there is no such zone */
  constructor(timeZone: string | undefined) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...(timeZone === undefined ? {} : { timeZone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
  }

  get timeZone(): string {
    return this.#format.resolvedOptions().timeZone
  }

  at(now: number): WallTime {
    const parts = Object.fromEntries(
      this.#format.formatToParts(now).map(({ type, value }) => [type, Number(value)]),
    )
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts
    const shown = Date.UTC(year, month - 1, day, hour, minute)
    // 1970 began on a Thursday, the fourth day of a week from Monday.
    const minuteOfWeek = (shown / MINUTE_MS + 3 * MINUTES_A_DAY) % MINUTES_A_WEEK
    return { minuteOfWeek, offsetMs: shown - Math.floor(now / MINUTE_MS) * MINUTE_MS }
  }

  /**
   * The first full minute after `now` at which the wall clock either shows one of `minutes` (of the week), or has been
   * put forward or back.
   */
  next(now: number, minutes: readonly number[]): number {
    const start = this.at(now)
    const at = Math.floor(now / MINUTE_MS) * MINUTE_MS
    const ahead = Math.min(
      ...minutes.map((minute) => {
        const wait = minute - start.minuteOfWeek
        return wait > 0 ? wait : wait + MINUTES_A_WEEK
      }),
    )
    const next = at + ahead * MINUTE_MS
    return this.#firstChange(at, next, start.offsetMs)
  }

  /** Clocks of a zone are not put twice in a week, so halving finds the minute. */
  #firstChange(from: number, to: number, offsetMs: number): number {
    if (this.at(to).offsetMs === offsetMs) return to
    let before = from
    let after = to
    while (after - before > MINUTE_MS) {
      const middle = before + Math.floor((after - before) / 2 / MINUTE_MS) * MINUTE_MS
      if (this.at(middle).offsetMs === offsetMs) before = middle
      else after = middle
    }
    return after
  }
}
