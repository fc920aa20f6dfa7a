import type { Language } from '../documents/render/words.ts'
import type { ProcessingRecords } from './records.ts'
import { controllerTable } from './records-report.ts'
import type { Report } from './report.ts'
import {
  listOf,
  measuresTable,
  pairsTable,
  recipientsTable,
  retentionTable,
  withoutCounts,
} from './sections.ts'
import { COMPLIANCE_WORDS } from './words.ts'

const TEXTS = {
  en: {
    title: 'Technical annex to a processing agreement (Art. 28 GDPR)',
    intro: (at: string) =>
      `Made on ${at} from the settings of this installation. It describes; what binds is the agreement that it is attached to.`,
    processor: 'Processor',
    subject: 'Subject matter',
    subjectText:
      'Settling what an organization’s nodes use: holds, receipts, usage, invoices, budgets, notifications, the audit trail.',
    duration: 'Duration',
    durationText: 'As long as the organization has an account, and the periods below.',
    nature: 'Nature',
    natureText:
      'Prompts and answers go from the organization’s node straight to a provider that its policy allows, encrypted between the two; this service is not on the way and stores neither. Provider nodes can read the prompts that they answer.',
    people: 'People concerned',
    data: 'Kinds of data',
    others: 'Further processors and recipients',
    retention: 'Retention and erasure',
    measures: 'Technical and organizational measures',
    help: 'Help with rights, breaches and audits',
    helpRows: [
      ['Access, portability, erasure, restriction', '/v1/gdpr/… (docs/guides/rights.md)'],
      ['Proof of what was processed where', '/v1/log/…, /v1/audit/…'],
      ['Breaches', '/v1/admin/breaches: who is affected is found from settled sessions'],
    ],
  },
  de: {
    title: 'Technische Anlage zu einem Auftragsverarbeitungsvertrag (Art. 28 DSGVO)',
    intro: (at: string) =>
      `Erstellt am ${at} aus den Einstellungen dieser Installation. Sie beschreibt; bindend ist der Vertrag, dem sie anliegt.`,
    processor: 'Auftragsverarbeiter',
    subject: 'Gegenstand',
    subjectText:
      'Abrechnung dessen, was die Knoten einer Organisation verbrauchen: Vormerkungen, Belege, Verbrauch, Rechnungen, Budgets, Benachrichtigungen, der Prüfpfad.',
    duration: 'Dauer',
    durationText: 'Solange die Organisation ein Konto hat, und die Fristen unten.',
    nature: 'Art',
    natureText:
      'Eingaben und Antworten gehen verschlüsselt vom Knoten der Organisation unmittelbar zu einem Anbieter, den ihre Richtlinie zulässt; dieser Dienst liegt nicht auf dem Weg und speichert keines von beiden. Knoten von Anbietern können die Eingaben lesen, die sie beantworten.',
    people: 'Betroffene',
    data: 'Arten von Daten',
    others: 'Weitere Verarbeiter und Empfänger',
    retention: 'Aufbewahrung und Löschung',
    measures: 'Technische und organisatorische Maßnahmen',
    help: 'Hilfe bei Rechten, Pannen und Prüfungen',
    helpRows: [
      ['Auskunft, Übertragbarkeit, Löschung, Einschränkung', '/v1/gdpr/… (docs/guides/rights.md)'],
      ['Nachweis, was wo verarbeitet wurde', '/v1/log/…, /v1/audit/…'],
      ['Datenpannen', '/v1/admin/breaches: Betroffene werden aus abgerechneten Sitzungen gefunden'],
    ],
  },
} as const satisfies Record<Language, object>

/** What a customer attaches to its agreement with the operator. */
export function annexReport(records: ProcessingRecords, language: Language): Report {
  const texts = TEXTS[language]
  const words = COMPLIANCE_WORDS[language]
  const about = records.processings.filter(({ subjects }) => subjects.includes('organization'))
  const subjects = [...new Set(about.flatMap((one) => one.subjects))]
  const data = [...new Set(about.flatMap((one) => one.data))].sort()
  return {
    title: texts.title,
    madeAt: records.madeAt,
    language,
    blocks: [
      { kind: 'text', text: texts.intro(new Date(records.madeAt).toISOString().slice(0, 10)) },
      { kind: 'heading', text: texts.processor },
      controllerTable(records, language),
      { kind: 'heading', text: texts.subject },
      pairsTable(
        [
          [texts.subject, texts.subjectText],
          [texts.duration, texts.durationText],
          [texts.nature, texts.natureText],
          [
            texts.people,
            listOf(
              subjects.map((one) => words.subjects[one]),
              words.unsaid,
            ),
          ],
          [
            texts.data,
            listOf(
              data.map((one) => words.data[one]),
              words.unsaid,
            ),
          ],
        ],
        language,
      ),
      { kind: 'heading', text: texts.others },
      recipientsTable(withoutCounts(records.recipients), language),
      { kind: 'heading', text: texts.retention },
      retentionTable(records, language),
      { kind: 'heading', text: texts.measures },
      measuresTable(records.measures, language),
      { kind: 'heading', text: texts.help },
      pairsTable(texts.helpRows, language),
    ],
  }
}
