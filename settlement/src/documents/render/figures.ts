import { PICO_PER_CENT, PICO_PER_EURO } from '@hanse/protocol'
import type { Words } from './words.ts'

/** What figures are written by. */
type Locale = Pick<Words, 'locale'>

/** Whole cents as a decimal of euros, `-12.34`: for programs. */
export function decimalCents(cents: bigint): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, '0')
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}

/** Pico-euro as a decimal of euros without trailing zeros, two places at least: for programs. */
export function decimalPico(pico: bigint): string {
  const size = pico < 0n ? -pico : pico
  const places = (size % PICO_PER_EURO)
    .toString()
    .padStart(12, '0')
    .replace(/0{1,10}$/u, '')
  return `${pico < 0n ? '-' : ''}${size / PICO_PER_EURO}.${places}`
}

/** Basis points as a percentage without needless places: `19`, `25.5`. */
export const decimalPercent = (bps: number): string => String(bps / 100)

type Decimal = Parameters<Intl.NumberFormat['format']>[0]

/** Whole cents for a person: `1.234,56 €`. */
export const euros = (cents: bigint, { locale }: Words): string =>
  printable(
    new Intl.NumberFormat(locale, { style: 'currency', currency: 'EUR' }).format(
      decimalCents(cents) as Decimal,
    ),
  )

/** Places that show these amounts exactly, the same for all so that they stand under one another. */
export const placesOf = (amounts: readonly bigint[]): number =>
  amounts.every((pico) => pico % PICO_PER_CENT === 0n) ? 2 : 12

/** Exact euros for a person. */
export const exactEuros = (pico: bigint, { locale }: Locale, places = placesOf([pico])): string =>
  printable(
    new Intl.NumberFormat(locale, {
      minimumFractionDigits: places,
      maximumFractionDigits: places,
    }).format(decimalPico(pico) as Decimal),
  )

export const percent = (bps: number, { locale }: Words): string =>
  new Intl.NumberFormat(locale).format(bps / 100)

export const counted = (count: number, { locale }: Locale): string =>
  printable(new Intl.NumberFormat(locale).format(count))

export const longDate = (at: number, { locale }: Locale): string =>
  printable(new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(at))

/** `2026-10-31`, UTC. */
export const isoDate = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** A half-open period by its first and last day. */
export const periodText = ({ from, to }: { from: number; to: number }, words: Words): string =>
  `${longDate(from, words)} – ${longDate(to - 1, words)}`

export const countryName = (country: string, { locale }: Words): string =>
  new Intl.DisplayNames(locale, { type: 'region' }).of(country) ?? country

/** The spaces that formats use, as every font has them. */
const printable = (text: string): string => text.replaceAll(/[\u202F\u2009]/gu, ' ')
