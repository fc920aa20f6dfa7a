import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { isWithin, parseWindows, type Window } from '../availability/schedule.ts'
import { MINUTES_A_WEEK, type WallClock } from '../availability/wall-clock.ts'

/** What a kilowatt-hour costs, pico-euro. The first entry whose windows hold counts; `undefined` windows always hold. */
export type TariffEntry = {
  readonly windows: readonly Window[] | undefined
  readonly perKwh: PicoEuro
}

/**
 * Reads `0.32`, or `22:00-06:00=0.21, *=0.35`: euro a kilowatt-hour, where `*` is for all other hours.
 *
 * @throws {Error} that says what is wrong
 */
export function parseTariff(text: string): TariffEntry[] {
  const entries = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseEntry)
  const last = entries.at(-1)
  if (last === undefined || last.windows !== undefined)
    throw new Error('must end with what all other hours cost, such as 22:00-06:00=0.21,*=0.35')
  if (entries.filter(({ windows }) => windows === undefined).length > 1)
    throw new Error('must name all other hours once, and last')
  return entries
}

function parseEntry(part: string): TariffEntry {
  const at = part.indexOf('=')
  const span = at < 0 ? '*' : part.slice(0, at).trim()
  const perKwh = parsePerKwh(part.slice(at + 1).trim())
  return { windows: span === '*' ? undefined : parseWindows(span), perKwh }
}

/** Up to 99.999999 euro; no power is dearer. */
function parsePerKwh(text: string): PicoEuro {
  const match = /^(\d{1,2})(?:\.(\d{1,6}))?$/u.exec(text)
  if (match === null)
    throw new Error(`${text.slice(0, 40)} is not euro a kilowatt-hour such as 0.32`)
  const micro = BigInt(match[1] ?? '0') * 1_000_000n + BigInt((match[2] ?? '').padEnd(6, '0'))
  return picoEuro(micro * 1_000_000n)
}

/** What power costs, by the clock on the wall. */
export class Tariff {
  readonly #entries: readonly TariffEntry[]
  readonly #clock: WallClock
  readonly #edges: readonly number[]

  constructor(entries: readonly TariffEntry[], clock: WallClock) {
    this.#entries = entries
    this.#clock = clock
    this.#edges = entries.flatMap(({ windows = [] }) =>
      windows.flatMap(({ from, until }) => [from, until % MINUTES_A_WEEK]),
    )
  }

  /** Pico-euro a kilowatt-hour. */
  at(now: number): PicoEuro {
    const { minuteOfWeek } = this.#clock.at(now)
    const entry = this.#entries.find(
      ({ windows }) => windows === undefined || isWithin(windows, minuteOfWeek),
    )
    if (entry === undefined) throw new Error('a tariff has a last entry for all hours')
    return entry.perKwh
  }

  /** The dearest that power gets within `ms` from now. */
  dearest(now: number, ms: number): PicoEuro {
    let dearest = this.at(now)
    if (this.#edges.length === 0) return dearest
    for (let at = this.#clock.next(now, this.#edges); at < now + ms; ) {
      const price = this.at(at)
      if (price > dearest) dearest = price
      at = this.#clock.next(at, this.#edges)
    }
    return dearest
  }
}
