import type { Language } from '../documents/render/words.ts'
import type { Measure } from './measures.ts'
import type { KnownRecipient } from './recipients.ts'
import type { ProcessingRecords } from './records.ts'
import type { Block } from './report.ts'
import { COMPLIANCE_WORDS, type ComplianceWords } from './words.ts'

/** Titles of the parts that records, annex and notices have in common. */
const TITLES = {
  en: {
    name: 'Name',
    value: 'Value',
    who: 'Recipient',
    country: 'Country',
    gets: 'What for',
    safeguard: 'Safeguard outside the EEA',
    data: 'Data',
    period: 'Period',
    why: 'Why',
    measure: 'Measure',
    state: 'State',
    none: 'None.',
  },
  de: {
    name: 'Name',
    value: 'Wert',
    who: 'Empfänger',
    country: 'Land',
    gets: 'Wofür',
    safeguard: 'Garantie außerhalb des EWR',
    data: 'Daten',
    period: 'Frist',
    why: 'Warum',
    measure: 'Maßnahme',
    state: 'Zustand',
    none: 'Keine.',
  },
} as const satisfies Record<Language, Record<string, string>>

export const pairsTable = (
  pairs: readonly (readonly [string, string | null])[],
  language: Language,
): Block => ({
  kind: 'table',
  columns: [
    [TITLES[language].name, 30],
    [TITLES[language].value, 70],
  ],
  rows: pairs.map(([name, value]) => [name, value ?? COMPLIANCE_WORDS[language].unsaid]),
})

export function recipientsTable(recipients: readonly KnownRecipient[], language: Language): Block {
  const titles = TITLES[language]
  const words = COMPLIANCE_WORDS[language]
  if (recipients.length === 0) return { kind: 'text', text: titles.none }
  return {
    kind: 'table',
    columns: [
      [titles.who, 26],
      [titles.country, 12],
      [titles.gets, 40],
      [titles.safeguard, 22],
    ],
    rows: recipients.map((one) => [
      nameOf(one, words),
      one.country ?? (one.kind === 'log-witness' ? '' : words.unsaid),
      one.purpose ?? words.recipients[one.kind],
      one.safeguard ?? '',
    ]),
  }
}

/** How much is used where is the operator’s to know: without counts, it is the country alone. */
export const withoutCounts = (recipients: readonly KnownRecipient[]): KnownRecipient[] =>
  recipients.map((one) => ({ ...one, providers: null, sessions: null }))

function nameOf({ name, providers, sessions }: KnownRecipient, words: ComplianceWords): string {
  if (providers !== null && sessions !== null) return words.inUse(providers, sessions)
  return name === '' ? words.unsaid : name
}

export function retentionTable({ retention }: ProcessingRecords, language: Language): Block {
  const titles = TITLES[language]
  const words = COMPLIANCE_WORDS[language]
  return {
    kind: 'table',
    columns: [
      [titles.data, 40],
      [titles.period, 16],
      [titles.why, 44],
    ],
    rows: retention.map(({ what, why, days }) => [
      what[language],
      days === null ? words.noAge : words.days(days),
      why[language],
    ]),
  }
}

export function measuresTable(measures: readonly Measure[], language: Language): Block {
  const titles = TITLES[language]
  const words = COMPLIANCE_WORDS[language]
  return {
    kind: 'table',
    columns: [
      [titles.measure, 80],
      [titles.state, 20],
    ],
    rows: measures.map((one) => measureRow(one, words)),
  }
}

function measureRow({ name, isOn, detail }: Measure, words: ComplianceWords): string[] {
  const state = isOn ? words.on : words.off
  if (name === 'named') return [detail ?? '', state]
  return [words.measures[name], detail === null ? state : `${state} (${detail})`]
}

export const listOf = (names: readonly string[], none: string): string =>
  names.length === 0 ? none : names.join('; ')
