import type { Language } from '../documents/render/words.ts'
import type { ProcessingRecords } from './records.ts'
import type { Report } from './report.ts'
import { listOf, measuresTable, pairsTable, recipientsTable, retentionTable } from './sections.ts'
import { COMPLIANCE_WORDS } from './words.ts'

const TEXTS = {
  en: {
    title: 'Records of processing activities (Art. 30 GDPR)',
    intro: (at: string) =>
      `Made on ${at} from the settings, the register of personal data and the data of this installation. What the program cannot know, such as the operator’s other systems and contracts, is not in it.`,
    test: 'Nobody has said who runs this service: the controller below is a placeholder.',
    controller: 'Controller',
    name: 'Name',
    address: 'Address',
    telephone: 'Telephone',
    email: 'E-mail',
    officer: 'Data protection officer',
    representative: 'Representative in the Union',
    authority: 'Supervisory authority',
    role: 'For accounts, payments and its own books the operator decides on purposes and means. What members of an organization do, and what an organization’s sessions cost, is processed for that organization.',
    processings: 'Purposes, people and data',
    purpose: 'Purpose',
    basis: 'Basis',
    people: 'About',
    data: 'Data',
    kept: 'Kept as',
    nobody: 'nobody',
    recipients: 'Recipients',
    transfers: 'Transfers to countries outside the EEA',
    retention: 'Retention',
    measures: 'Measures (Art. 32)',
  },
  de: {
    title: 'Verzeichnis von Verarbeitungstätigkeiten (Art. 30 DSGVO)',
    intro: (at: string) =>
      `Erstellt am ${at} aus den Einstellungen, dem Register personenbezogener Daten und den Daten dieser Installation. Was das Programm nicht wissen kann, etwa andere Systeme und Verträge des Betreibers, steht nicht darin.`,
    test: 'Niemand hat angegeben, wer diesen Dienst betreibt: Der Verantwortliche unten ist ein Platzhalter.',
    controller: 'Verantwortlicher',
    name: 'Name',
    address: 'Anschrift',
    telephone: 'Telefon',
    email: 'E-Mail',
    officer: 'Datenschutzbeauftragte Person',
    representative: 'Vertreter in der Union',
    authority: 'Aufsichtsbehörde',
    role: 'Bei Konten, Zahlungen und eigenen Büchern entscheidet der Betreiber über Zwecke und Mittel. Was Mitglieder einer Organisation tun und was ihre Sitzungen kosten, wird für diese Organisation verarbeitet.',
    processings: 'Zwecke, Personen und Daten',
    purpose: 'Zweck',
    basis: 'Grundlage',
    people: 'Über',
    data: 'Daten',
    kept: 'Aufbewahrt als',
    nobody: 'niemanden',
    recipients: 'Empfänger',
    transfers: 'Übermittlungen in Länder außerhalb des EWR',
    retention: 'Aufbewahrung',
    measures: 'Maßnahmen (Art. 32)',
  },
} as const satisfies Record<Language, object>

/** The records as a report to read. */
export function recordsReport(records: ProcessingRecords, language: Language): Report {
  const texts = TEXTS[language]
  const words = COMPLIANCE_WORDS[language]
  return {
    title: texts.title,
    madeAt: records.madeAt,
    language,
    blocks: [
      { kind: 'text', text: texts.intro(new Date(records.madeAt).toISOString().slice(0, 10)) },
      ...(records.test ? [{ kind: 'text', text: texts.test } as const] : []),
      { kind: 'heading', text: texts.controller },
      controllerTable(records, language),
      { kind: 'text', text: texts.role },
      { kind: 'heading', text: texts.processings },
      {
        kind: 'table',
        columns: [
          [texts.purpose, 24],
          [texts.basis, 22],
          [texts.people, 14],
          [texts.data, 26],
          [texts.kept, 14],
        ],
        rows: records.processings.map(({ purpose, bases, subjects, data, retention }) => [
          words.purposes[purpose],
          listOf(
            bases.map((one) => words.bases[one]),
            words.bases.none,
          ),
          listOf(
            subjects.map((one) => words.subjects[one]),
            texts.nobody,
          ),
          listOf(
            data.map((one) => words.data[one]),
            '',
          ),
          listOf(retention, ''),
        ]),
      },
      { kind: 'heading', text: texts.recipients },
      recipientsTable(records.recipients, language),
      { kind: 'heading', text: texts.transfers },
      recipientsTable(records.transfers, language),
      { kind: 'heading', text: texts.retention },
      retentionTable(records, language),
      { kind: 'heading', text: texts.measures },
      measuresTable(records.measures, language),
    ],
  }
}

export function controllerTable(records: ProcessingRecords, language: Language) {
  const texts = TEXTS[language]
  const { controller, contact } = records
  const { street, postalCode, city, country } = controller
  const address = [street, [postalCode, city].filter(Boolean).join(' '), country]
  const officer = [contact.officer, contact.officerEmail].filter(Boolean).join(', ')
  return pairsTable(
    [
      [texts.name, controller.name],
      [texts.address, address.filter(Boolean).join(', ') || null],
      [texts.telephone, contact.telephone],
      [texts.email, controller.email],
      [texts.officer, officer || null],
      [texts.representative, contact.representative],
      [texts.authority, contact.authority],
    ],
    language,
  )
}
