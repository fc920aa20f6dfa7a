import type { Language } from '../documents/render/words.ts'

/** What the drafts say, beside what is known of a breach. */
export interface DraftWords {
  readonly authorityTitle: string
  readonly subjectsTitle: string
  readonly to: string
  readonly controller: string
  readonly number: string
  readonly detected: string
  readonly due: string
  readonly began: string
  readonly nature: string
  readonly contact: string
  readonly consequences: string
  readonly measures: string
  readonly whatHappened: string
  readonly greeting: string
  readonly phases: string
  readonly missing: string
  readonly draft: string
  readonly counts: (organizations: number, people: number, sessions: number) => string
}

export const DRAFT_WORDS: Record<Language, DraftWords> = {
  en: {
    authorityTitle: 'Notification of a personal data breach (Art. 33 GDPR)',
    subjectsTitle: 'A breach of your personal data (Art. 34 GDPR)',
    to: 'To',
    controller: 'Controller',
    number: 'Our reference',
    detected: 'We became aware of it',
    due: 'the 72 hours end',
    began: 'Began',
    nature: 'Nature of the breach, categories and numbers',
    contact: 'Contact',
    consequences: 'Likely consequences',
    measures: 'Measures taken and proposed',
    whatHappened: 'What has happened',
    greeting: 'We write to you because data about you may be concerned.',
    phases: 'What is missing here follows without undue further delay (Art. 33 (4) GDPR).',
    missing: '[to be completed]',
    draft:
      '*Draft made from the register of breaches. Nobody has sent it: read it, complete it, and send it yourself.*',
    counts: (organizations, people, sessions) =>
      `As far as is known: ${organizations} organizations with ${people} members, ${sessions} sessions of inference. Each session is a record; prompts and answers are not stored here.`,
  },
  de: {
    authorityTitle: 'Meldung einer Verletzung des Schutzes personenbezogener Daten (Art. 33 DSGVO)',
    subjectsTitle: 'Verletzung des Schutzes Ihrer personenbezogenen Daten (Art. 34 DSGVO)',
    to: 'An',
    controller: 'Verantwortlicher',
    number: 'Unser Zeichen',
    detected: 'Bekannt geworden',
    due: 'Ende der 72 Stunden',
    began: 'Beginn',
    nature: 'Art der Verletzung, Kategorien und Zahlen',
    contact: 'Ansprechpartner',
    consequences: 'Wahrscheinliche Folgen',
    measures: 'Ergriffene und vorgeschlagene Maßnahmen',
    whatHappened: 'Was geschehen ist',
    greeting: 'wir schreiben Ihnen, weil Daten über Sie betroffen sein können.',
    phases: 'Was hier fehlt, folgt ohne weitere Verzögerung (Art. 33 Abs. 4 DSGVO).',
    missing: '[zu ergänzen]',
    draft:
      '*Entwurf aus dem Verzeichnis der Datenpannen. Niemand hat ihn gesendet: lesen, ergänzen und selbst senden.*',
    counts: (organizations, people, sessions) =>
      `Soweit bekannt: ${organizations} Organisationen mit ${people} Mitgliedern, ${sessions} Inferenzsitzungen. Jede Sitzung ist ein Datensatz; Eingaben und Antworten werden hier nicht gespeichert.`,
  },
}
