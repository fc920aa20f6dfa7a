export const SUMMARY_LANGUAGES = ['en', 'de'] as const
export type SummaryLanguage = (typeof SUMMARY_LANGUAGES)[number]

/** Everything that a summary says. */
export interface SummaryWords {
  readonly locale: string
  readonly title: string
  readonly intro: string
  readonly organization: string
  readonly period: string
  readonly chosen: (sessions: string) => string
  readonly made: string
  readonly issuer: string
  readonly network: string
  readonly log: string
  readonly entries: string
  readonly root: string
  readonly witnesses: string
  readonly events: string
  readonly kind: string
  readonly count: string
  readonly uses: string
  readonly model: string
  readonly country: string
  readonly providers: string
  readonly bookings: string
  readonly amount: string
  readonly total: string
  readonly refusals: string
  readonly noRefusals: string
  readonly moreRefusals: (count: string) => string
  readonly when: string
  readonly reason: string
  readonly files: string
  readonly file: string
  readonly proves: string
  readonly how: string
  readonly command: string
  readonly limits: readonly string[]
  readonly nothing: string
  readonly kinds: Readonly<Record<string, string>>
  readonly folders: Readonly<Record<string, string>>
  readonly page: (page: number, pages: number) => string
}

const EN: SummaryWords = {
  locale: 'en-GB',
  title: 'Evidence from the audit trail',
  intro:
    'This page retells for people what the other files of the package say and prove. Where it and a file differ, the file counts.',
  organization: 'Organization',
  period: 'Period',
  chosen: (sessions) => `Of ${sessions} chosen sessions alone`,
  made: 'Asked for',
  issuer: 'Signed by settlement',
  network: 'Network',
  log: 'Log',
  entries: 'Entries under the checkpoint',
  root: 'Root of the tree',
  witnesses: 'Lines of witnesses',
  events: 'Events',
  kind: 'Kind',
  count: 'Number',
  uses: 'What was used, where, and what it cost',
  model: 'Model',
  country: 'Country',
  providers: 'Providers',
  bookings: 'Bookings',
  amount: 'EUR',
  total: 'Total',
  refusals: 'Refusals',
  noRefusals: 'None in this period.',
  moreRefusals: (count) => `${count} more are in events.jsonl.`,
  when: 'When (UTC)',
  reason: 'Reason',
  files: 'Files',
  file: 'Files',
  proves: 'What they prove',
  how: 'How to check it',
  command: 'hanse verify PACKAGE --network {network} --trust {issuer}',
  limits: [
    'The log is append-only: each event’s file leads by hashes to the signed checkpoint. Whoever holds an older checkpoint can check that nothing was changed since.',
    'What an event says of the organization is sealed in the log. It was opened for this package with the organization’s key; that it says so rests on the settlement’s signature.',
    'That the period is complete rests on the settlement’s signature as well.',
    'Countries are evidence of location, with a level, from named attestors; they are no proof of where a computation took place.',
    'No prompt and no answer is in the log or in this package.',
  ],
  nothing: 'None.',
  kinds: {
    'receipt-settled': 'Session settled by its receipt',
    'statement-settled': 'Sessions settled by a statement',
    'attestation-issued': 'Attestation of a place issued',
    'attestation-revoked': 'Attestation of a place revoked',
    payout: 'Payout to a provider',
    'policy-violation': 'Session not paid: against the rules',
    erasure: 'Erasure of a subject',
    'key-rotation': 'Key of the log',
    'authorization-issued': 'Money set aside for sessions',
    'authorization-refused': 'Money for sessions refused',
    'policy-changed': 'Usage policy changed',
    'consent-given': 'Lawful basis stated',
    'consent-withdrawn': 'Lawful basis withdrawn',
    'rights-request': 'Request of a data subject',
    retention: 'Data removed after their time',
    breach: 'Breach of personal data',
    'log-read': 'Look into the audit trail',
    'document-issued': 'Invoice or statement issued',
    'document-opened': 'Document of an erased customer opened for a duty',
  },
  folders: {
    events: 'that each event is in the log, and when it was',
    'events.jsonl': 'what the events say, opened',
    sessions: 'order, acceptance and last receipt, signed by both sides',
    statements: 'many sessions at once, signed by both sides',
    attestations: 'where providers were, on an attestor’s word',
    policies: 'the usage policies that counted',
    log: 'the checkpoint, and which key signs it',
  },
  page: (page, pages) => `Page ${page} of ${pages}`,
}

const DE: SummaryWords = {
  locale: 'de-DE',
  title: 'Nachweis aus dem Prüfprotokoll',
  intro:
    'Diese Seiten erzählen für Menschen nach, was die anderen Dateien des Pakets sagen und beweisen. Wo sie von einer Datei abweichen, gilt die Datei.',
  organization: 'Organisation',
  period: 'Zeitraum',
  chosen: (sessions) => `Nur zu ${sessions} ausgewählten Sitzungen`,
  made: 'Angefordert',
  issuer: 'Unterschrieben vom Settlement',
  network: 'Netz',
  log: 'Protokoll',
  entries: 'Einträge unter dem Checkpoint',
  root: 'Wurzel des Baums',
  witnesses: 'Zeilen von Zeugen',
  events: 'Ereignisse',
  kind: 'Art',
  count: 'Anzahl',
  uses: 'Was genutzt wurde, wo, und was es gekostet hat',
  model: 'Modell',
  country: 'Land',
  providers: 'Anbieter',
  bookings: 'Buchungen',
  amount: 'EUR',
  total: 'Summe',
  refusals: 'Ablehnungen',
  noRefusals: 'Keine in diesem Zeitraum.',
  moreRefusals: (count) => `${count} weitere stehen in events.jsonl.`,
  when: 'Wann (UTC)',
  reason: 'Grund',
  files: 'Dateien',
  file: 'Dateien',
  proves: 'Was sie beweisen',
  how: 'So wird es geprüft',
  command: 'hanse verify PAKET --network {network} --trust {issuer}',
  limits: [
    'An das Protokoll wird nur angehängt: Die Datei jedes Ereignisses führt über Hashwerte zum unterschriebenen Checkpoint. Wer einen älteren Checkpoint hat, kann prüfen, dass seither nichts geändert wurde.',
    'Was ein Ereignis über die Organisation sagt, ist im Protokoll versiegelt. Für dieses Paket wurde es mit dem Schlüssel der Organisation geöffnet; dass es so lautet, bezeugt das Settlement mit seiner Unterschrift.',
    'Auch dass der Zeitraum vollständig ist, bezeugt das Settlement mit seiner Unterschrift.',
    'Länder sind Belege für einen Standort, mit einer Stufe, von genannten Ausstellern; sie beweisen nicht, wo gerechnet wurde.',
    'Weder Eingaben noch Antworten stehen im Protokoll oder in diesem Paket.',
  ],
  nothing: 'Keine.',
  kinds: {
    'receipt-settled': 'Sitzung durch ihren Beleg abgerechnet',
    'statement-settled': 'Sitzungen durch eine Sammelabrechnung abgerechnet',
    'attestation-issued': 'Standortbeleg ausgestellt',
    'attestation-revoked': 'Standortbeleg widerrufen',
    payout: 'Auszahlung an einen Anbieter',
    'policy-violation': 'Sitzung nicht bezahlt: gegen die Regeln',
    erasure: 'Löschung einer betroffenen Person',
    'key-rotation': 'Schlüssel des Protokolls',
    'authorization-issued': 'Geld für Sitzungen zurückgelegt',
    'authorization-refused': 'Geld für Sitzungen verweigert',
    'policy-changed': 'Nutzungsrichtlinie geändert',
    'consent-given': 'Rechtsgrundlage erklärt',
    'consent-withdrawn': 'Rechtsgrundlage zurückgezogen',
    'rights-request': 'Antrag einer betroffenen Person',
    retention: 'Daten nach Fristablauf entfernt',
    breach: 'Verletzung des Schutzes personenbezogener Daten',
    'log-read': 'Einblick in das Prüfprotokoll',
    'document-issued': 'Rechnung oder Abrechnung ausgestellt',
    'document-opened': 'Dokument eines gelöschten Kunden für eine Pflicht geöffnet',
  },
  folders: {
    events: 'dass und wann jedes Ereignis im Protokoll stand',
    'events.jsonl': 'was die Ereignisse sagen, geöffnet',
    sessions: 'Auftrag, Annahme und letzter Beleg, von beiden Seiten unterschrieben',
    statements: 'viele Sitzungen zugleich, von beiden Seiten unterschrieben',
    attestations: 'wo Anbieter waren, auf das Wort eines Ausstellers',
    policies: 'die Nutzungsrichtlinien, die galten',
    log: 'der Checkpoint, und welcher Schlüssel ihn unterschreibt',
  },
  page: (page, pages) => `Seite ${page} von ${pages}`,
}

export const SUMMARY_WORDS: Readonly<Record<SummaryLanguage, SummaryWords>> = { en: EN, de: DE }
