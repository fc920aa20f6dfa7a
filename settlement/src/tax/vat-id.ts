import type { EuState } from './territories.ts'

/** The forms of VAT identification numbers, with the prefix that VIES knows them by. */
const FORMS: Record<EuState, RegExp> = {
  AT: /^ATU\d{8}$/u,
  BE: /^BE[01]\d{9}$/u,
  BG: /^BG\d{9,10}$/u,
  CY: /^CY\d{8}[A-Z]$/u,
  CZ: /^CZ\d{8,10}$/u,
  DE: /^DE[1-9]\d{8}$/u,
  DK: /^DK\d{8}$/u,
  EE: /^EE\d{9}$/u,
  ES: /^ES(?:[A-Z]\d{7}[A-Z0-9]|\d{8}[A-Z])$/u,
  FI: /^FI\d{8}$/u,
  FR: /^FR[A-HJ-NP-Z0-9]{2}\d{9}$/u,
  GR: /^EL\d{9}$/u,
  HR: /^HR\d{11}$/u,
  HU: /^HU\d{8}$/u,
  IE: /^IE(?:\d{7}[A-W][A-IW]?|\d[A-Z+*]\d{5}[A-W])$/u,
  IT: /^IT\d{11}$/u,
  LT: /^LT(?:\d{9}|\d{12})$/u,
  LU: /^LU\d{8}$/u,
  LV: /^LV\d{11}$/u,
  MT: /^MT\d{8}$/u,
  NL: /^NL\d{9}B\d{2}$/u,
  PL: /^PL\d{10}$/u,
  PT: /^PT\d{9}$/u,
  RO: /^RO[1-9]\d{1,9}$/u,
  SE: /^SE\d{12}$/u,
  SI: /^SI[1-9]\d{7}$/u,
  SK: /^SK\d{10}$/u,
}

/** A VAT id as VIES spells it: capitals without spaces, dots and dashes, Greece as EL. */
export function normalVatId(text: string): string {
  const id = text.toUpperCase().replaceAll(/[\s.\-/]/gu, '')
  return id.startsWith('GR') ? `EL${id.slice(2)}` : id
}

/** Whether a normal VAT id has the form of this state's. Only VIES knows whether there is such a number. */
export const isVatIdOf = (state: EuState, vatId: string): boolean => FORMS[state].test(vatId)

/** The state whose form a normal VAT id has. */
export function stateOfVatId(vatId: string): EuState | undefined {
  const prefix = vatId.slice(0, 2)
  const state = (prefix === 'EL' ? 'GR' : prefix) as EuState
  return FORMS[state]?.test(vatId) === true ? state : undefined
}
