import type { EuState, Region } from './territories.ts'

/** From midnight (UTC) of a day on, basis points. */
type Dated = readonly (readonly [from: string, bps: number])[]

const always = (percent: number): Dated => [['2024-01-01', percent * 100]]

/**
 * Standard rates. Source: the European Commission's “VAT rates applied in the Member States” and its database Taxes in
 * Europe (TEDB), as known in 2026; an operator checks them against the database before invoicing, see docs/guides/invoices.md.
 */
const STANDARD: Record<EuState | Region, Dated> = {
  AT: always(20),
  'AT-JUNGHOLZ': always(19),
  BE: always(21),
  BG: always(20),
  CY: always(19),
  CZ: always(21),
  DE: always(19),
  DK: always(25),
  EE: [
    ['2024-01-01', 2200],
    ['2025-07-01', 2400],
  ],
  ES: always(21),
  FI: [
    ['2024-01-01', 2400],
    ['2024-09-01', 2550],
  ],
  FR: always(20),
  GR: always(24),
  HR: always(25),
  HU: always(27),
  IE: always(23),
  IT: always(22),
  LT: always(21),
  LU: always(17),
  LV: always(21),
  MT: always(18),
  NL: always(21),
  PL: always(23),
  PT: always(23),
  'PT-AZORES': always(16),
  'PT-MADEIRA': always(22),
  RO: [
    ['2024-01-01', 1900],
    ['2025-08-01', 2100],
  ],
  SE: always(25),
  SI: always(22),
  SK: [
    ['2024-01-01', 2000],
    ['2025-01-01', 2300],
  ],
}

/**
 * The standard rate of a state or region, basis points.
 *
 * @param at milliseconds since 1970
 * @throws {RangeError} before 2024, which the table does not know
 */
export function standardRateBps(where: EuState | Region, at: number): number {
  const day = new Date(at).toISOString().slice(0, 10)
  const rate = STANDARD[where].findLast(([from]) => from <= day)
  if (rate === undefined) throw new RangeError(`no VAT rate of ${where} on ${day}`)
  return rate[1]
}
