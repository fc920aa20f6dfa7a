import type { Language } from '../documents/render/words.ts'
import type { ProcessingRecords } from './records.ts'
import { controllerTable } from './records-report.ts'
import type { Report } from './report.ts'
import { recipientsTable, retentionTable, withoutCounts } from './sections.ts'
import { COMPLIANCE_WORDS } from './words.ts'

const TEXTS = {
  en: {
    title: 'What happens to your data here',
    intro:
      'Facts for a notice under Art. 13 and 14 GDPR, made from how this service runs. The operator adds what only it knows.',
    machine: 'Answers are made by a machine',
    machineText:
      'Models generate the answers that you get through Hanse. They may be wrong. The gateway says so in a header of every answer in EU mode (x-hanse-notice); whoever shows answers to people tells them that a machine made them (Art. 50 of Regulation (EU) 2024/1689). No decision about you is made by this service automatically.',
    controller: 'Who is responsible',
    purposes: 'What for',
    recipients: 'Who gets data',
    retention: 'How long',
    rights: 'Your rights',
    rightsText:
      'You may ask for access, correction, erasure, restriction and a copy of your data, object to processing, and withdraw a consent for the time to come; and you may complain to a supervisory authority.',
    source: 'Where data comes from',
    sourceText:
      'From you; from your organization, which invites you or whose directory names you; from its identity provider, when you sign in there; from Stripe, when something is paid; from nodes, which send signed receipts.',
    required:
      'Without an address nobody has an account; without who you are nobody is paid. Nothing else must be said.',
  },
  de: {
    title: 'Was hier mit Ihren Daten geschieht',
    intro:
      'Tatsachen für eine Information nach Art. 13 und 14 DSGVO, erstellt daraus, wie dieser Dienst läuft. Der Betreiber ergänzt, was nur er weiß.',
    machine: 'Antworten kommen von einer Maschine',
    machineText:
      'Die Antworten, die Sie über Hanse erhalten, erzeugen Modelle. Sie können falsch sein. Das Gateway sagt das im EU-Modus in einem Kopf jeder Antwort (x-hanse-notice); wer Antworten Menschen zeigt, sagt ihnen, dass eine Maschine sie erzeugt hat (Art. 50 der Verordnung (EU) 2024/1689). Dieser Dienst trifft keine automatisierten Entscheidungen über Sie.',
    controller: 'Wer verantwortlich ist',
    purposes: 'Wofür',
    recipients: 'Wer Daten erhält',
    retention: 'Wie lange',
    rights: 'Ihre Rechte',
    rightsText:
      'Sie können Auskunft, Berichtigung, Löschung, Einschränkung und eine Kopie Ihrer Daten verlangen, der Verarbeitung widersprechen und eine Einwilligung für die Zukunft widerrufen; und Sie können sich bei einer Aufsichtsbehörde beschweren.',
    source: 'Woher Daten kommen',
    sourceText:
      'Von Ihnen; von Ihrer Organisation, die Sie einlädt oder deren Verzeichnis Sie nennt; von deren Identitätsanbieter, wenn Sie sich dort anmelden; von Stripe, wenn etwas bezahlt wird; von Knoten, die signierte Belege senden.',
    required:
      'Ohne Adresse gibt es kein Konto; ohne Angaben, wer Sie sind, wird niemand bezahlt. Sonst muss nichts gesagt werden.',
  },
} as const satisfies Record<Language, object>

/** The text of a notice to users: the same for everybody. */
export function noticeReport(records: ProcessingRecords, language: Language): Report {
  const texts = TEXTS[language]
  const words = COMPLIANCE_WORDS[language]
  const purposes = records.processings.filter(({ subjects }) => subjects.includes('person'))
  return {
    title: texts.title,
    madeAt: records.madeAt,
    language,
    blocks: [
      { kind: 'text', text: texts.intro },
      { kind: 'heading', text: texts.machine },
      { kind: 'text', text: texts.machineText },
      { kind: 'heading', text: texts.controller },
      controllerTable(records, language),
      { kind: 'heading', text: texts.purposes },
      ...purposes.map(({ purpose, bases }) => ({
        kind: 'text' as const,
        text: `${words.purposes[purpose]}: ${bases.map((one) => words.bases[one]).join('; ')}.`,
      })),
      { kind: 'heading', text: texts.recipients },
      recipientsTable(withoutCounts(records.recipients), language),
      { kind: 'heading', text: texts.retention },
      retentionTable(records, language),
      { kind: 'heading', text: texts.source },
      { kind: 'text', text: texts.sourceText },
      { kind: 'text', text: texts.required },
      { kind: 'heading', text: texts.rights },
      { kind: 'text', text: texts.rightsText },
    ],
  }
}
