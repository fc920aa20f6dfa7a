/** Member states of the European Union, ISO 3166-1 alpha-2. */
export const EU_STATES = [
  'AT',
  'BE',
  'BG',
  'CY',
  'CZ',
  'DE',
  'DK',
  'EE',
  'ES',
  'FI',
  'FR',
  'GR',
  'HR',
  'HU',
  'IE',
  'IT',
  'LT',
  'LU',
  'LV',
  'MT',
  'NL',
  'PL',
  'PT',
  'RO',
  'SE',
  'SI',
  'SK',
] as const
export type EuState = (typeof EU_STATES)[number]

const STATES: ReadonlySet<string> = new Set(EU_STATES)
export const isEuState = (country: string): country is EuState => STATES.has(country)

/** Parts of a member state that have their own standard rate. */
export type Region = 'AT-JUNGHOLZ' | 'PT-AZORES' | 'PT-MADEIRA'

/** Where a place is for VAT; `state` is null outside the Union's VAT area. */
export interface VatPlace {
  readonly country: string
  readonly state: EuState | null
  readonly region: Region | null
}

/**
 * Postal codes that the country's own rules or rates do not hold for: Art. 6 of Directive 2006/112/EC (parts outside the
 * VAT area), its Art. 105 (Azores, Madeira) and Art. 104 (Jungholz and Mittelberg).
 */
const SPECIAL: Partial<Record<EuState, readonly (readonly [RegExp, Region | 'outside'])[]>> = {
  AT: [[/^(?:6691|699[123])$/u, 'AT-JUNGHOLZ']],
  // Büsingen and Heligoland.
  DE: [[/^(?:78266|27498)$/u, 'outside']],
  // The Canary Islands, Ceuta and Melilla.
  ES: [[/^(?:35|38|51|52)\d{3}$/u, 'outside']],
  // Åland.
  FI: [[/^22\d{3}$/u, 'outside']],
  // Overseas departments and territories, which have ISO codes of their own as well.
  FR: [[/^9[78]\d{3}$/u, 'outside']],
  // Mount Athos.
  GR: [[/^6308[67]$/u, 'outside']],
  // Livigno and Campione d'Italia.
  IT: [[/^(?:23041|22061)$/u, 'outside']],
  PT: [
    [/^9[0-4]\d{2}/u, 'PT-MADEIRA'],
    [/^9[5-9]\d{2}/u, 'PT-AZORES'],
  ],
}
const MONACO = 'MC'

/** Where an address is for VAT. Without a postal code, the country's mainland. */
export function vatPlaceOf(country: string, postalCode?: string): VatPlace {
  // Monaco is treated as France (Art. 7).
  const state = country === MONACO ? 'FR' : country
  if (!isEuState(state)) return { country, state: null, region: null }
  const code = (postalCode ?? '').replaceAll(/[\s-]/gu, '')
  const special = country === MONACO ? undefined : SPECIAL[state]
  const found = special?.find(([pattern]) => pattern.test(code))?.[1]
  if (found === 'outside') return { country, state: null, region: null }
  return { country, state, region: found ?? null }
}
