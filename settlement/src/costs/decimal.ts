/**
 * An exact decimal number: `units` × 10^-`scale`, without trailing zeros, so that equal numbers are equal structures.
 * Plain data, so that it survives a structured clone. There is no division: nothing here can round.
 */
export interface Decimal {
  readonly units: bigint
  readonly scale: number
}

/** More than any price list writes; a limit at all, because numbers come from outside. */
const TEXT_MAX = 64
const EXPONENT_MAX = 40
const FORM = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,2}))?$/u

/** Reads `1.25`, `-3` or `1.25e-06`. @throws {RangeError} */
export function decimal(value: string | bigint | number): Decimal {
  if (typeof value === 'bigint') return normal(value, 0)
  if (typeof value === 'number') return ofInteger(value)
  const match = value.length > TEXT_MAX ? null : FORM.exec(value)
  if (match === null) throw new RangeError('not a decimal number')
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const shift = Number(exponent)
  if (Math.abs(shift) > EXPONENT_MAX) throw new RangeError('not a decimal number of this size')
  const units = BigInt(`${sign}${whole}${fraction}`)
  return normal(units, fraction.length - shift)
}

/** Only whole numbers: any other has been rounded already. */
function ofInteger(value: number): Decimal {
  if (!Number.isSafeInteger(value)) throw new RangeError('not a whole number')
  return normal(BigInt(value), 0)
}

export const ZERO: Decimal = { units: 0n, scale: 0 }
export const ONE: Decimal = { units: 1n, scale: 0 }

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale)
  return normal(unitsAt(a, scale) + unitsAt(b, scale), scale)
}

export const negate = (a: Decimal): Decimal => ({ units: -a.units, scale: a.scale })

export const subtract = (a: Decimal, b: Decimal): Decimal => add(a, negate(b))

export const multiply = (a: Decimal, b: Decimal): Decimal =>
  normal(a.units * b.units, a.scale + b.scale)

/** Below 0, 0 or above, as for sorting. */
export function compare(a: Decimal, b: Decimal): number {
  const { units } = subtract(a, b)
  return units < 0n ? -1 : units > 0n ? 1 : 0
}

export const sum = (all: readonly Decimal[]): Decimal => all.reduce(add, ZERO)

export const least = (a: Decimal, b: Decimal): Decimal => (compare(a, b) <= 0 ? a : b)

/** `units` of 10^-`scale`, such as pico-euro with 12. */
export const decimalOf = (units: bigint, scale: number): Decimal => normal(units, scale)

/** All its digits, never an exponent. */
export function format({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0')
  const sign = units < 0n ? '-' : ''
  if (scale === 0) return `${sign}${digits}`
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** How many units of 10^-`wanted` it is. @throws {RangeError} when its own scale is larger */
export function unitsAt({ units, scale }: Decimal, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale)
}

function normal(units: bigint, scale: number): Decimal {
  if (units === 0n) return ZERO
  let [left, at] = scale < 0 ? [units * 10n ** BigInt(-scale), 0] : [units, scale]
  while (at > 0 && left % 10n === 0n) {
    left /= 10n
    at--
  }
  return { units: left, scale: at }
}
