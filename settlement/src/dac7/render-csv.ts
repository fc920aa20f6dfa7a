import { decimalCents } from '../documents/render/figures.ts'
import { csvRecord } from '../exports/csv.ts'
import type { Dac7Report, ReportedSeller } from './seller-year.ts'

const COLUMNS = [
  'year',
  'provider',
  'kind',
  'name',
  'first_name',
  'last_name',
  'birth_date',
  'birth_place',
  'street',
  'postal_code',
  'city',
  'country',
  'tins',
  'vat_id',
  'registration',
  ...[1, 2, 3, 4].flatMap((quarter) => [
    `activities_q${quarter}`,
    `consideration_q${quarter}_eur`,
    `fees_q${quarter}_eur`,
    `taxes_q${quarter}_eur`,
  ]),
  'consideration_eur',
  'fees_eur',
  'missing',
]

/** One row for each seller, to the cent; RFC 4180. */
export const dac7Csv = ({ year, sellers }: Dac7Report): string =>
  [COLUMNS, ...sellers.map((seller) => rowOf(year, seller))].map(csvRecord).join('')

function rowOf(year: number, seller: ReportedSeller): string[] {
  const { provider, profile, declaration, quarters, totals, missing } = seller
  const { person, tins = [], register } = declaration ?? {}
  return [
    String(year),
    provider,
    profile?.kind ?? '',
    profile?.name ?? '',
    person?.firstName ?? '',
    person?.lastName ?? '',
    person?.birthDate ?? '',
    person?.birthPlace ?? '',
    profile?.street ?? '',
    profile?.postalCode ?? '',
    profile?.city ?? '',
    profile?.country ?? '',
    tins.map(({ country, tin }) => `${country}:${tin}`).join(' ') || (profile?.taxNumber ?? ''),
    profile?.vatId ?? '',
    register === undefined ? (profile?.registration ?? '') : `${register.name} ${register.number}`,
    ...quarters.flatMap(({ activities, considerationCents, feesCents, taxesCents }) => [
      String(activities),
      decimalCents(considerationCents),
      decimalCents(feesCents),
      decimalCents(taxesCents),
    ]),
    decimalCents(totals.considerationCents),
    decimalCents(totals.feesCents),
    missing.join(' '),
  ]
}
