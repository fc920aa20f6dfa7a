import type { Language } from '../documents/render/words.ts'
import {
  type DataClass,
  type LawfulBasis,
  PURPOSES,
  type Purpose,
  type SubjectKind,
} from '../rights/register/index.ts'
import type { MeasureName } from './measures.ts'
import type { RecipientKind } from './recipients.ts'

/** What records, annex and notices call things. */
export interface ComplianceWords {
  readonly purposes: Record<Purpose, string>
  readonly bases: Record<LawfulBasis, string>
  readonly subjects: Record<SubjectKind, string>
  readonly data: Record<DataClass, string>
  readonly recipients: Record<RecipientKind, string>
  readonly measures: Record<MeasureName, string>
  readonly unsaid: string
  readonly on: string
  readonly off: string
  readonly days: (days: number) => string
  readonly noAge: string
  readonly inUse: (providers: number, sessions: number) => string
}

const en: ComplianceWords = {
  purposes: PURPOSES,
  bases: {
    contract: 'contract (Art. 6 (1) (b))',
    'legal-obligation': 'legal obligation (Art. 6 (1) (c))',
    'legitimate-interests': 'legitimate interests (Art. 6 (1) (f))',
    none: 'no personal data',
  },
  subjects: {
    person: 'people with accounts',
    organization: 'customers',
    provider: 'providers',
  },
  data: {
    identity: 'names, addresses, e-mail',
    'free-text': 'text that people type',
    credential: 'digests of passwords, keys and codes',
    sealed: 'sealed details',
    origin: 'network addresses, browsers, countries',
    pseudonym: 'ids',
    activity: 'what was done and used',
    money: 'amounts',
    proof: 'signed records and digests',
    technical: 'states and times',
  },
  recipients: {
    payments: 'Payments: names, e-mail, invoices’ addresses, amounts; of providers who they are',
    hosting: 'Hosting: everything that the service stores',
    mail: 'Mail server: addresses and the text of mails',
    'vat-register': 'VAT ids',
    'log-witness': 'Witnesses of the log (number): digests and signatures, no personal data',
    provider:
      'Providers of inference in this country: prompt and answer of a session, straight from the customer’s node; never from this service',
    named: 'Named by the operator',
  },
  measures: {
    'no-prompts': 'Prompts and answers never reach this service; receipts hold counts and digests',
    'transport-api': 'The API is reached over TLS (as the public address says)',
    'transport-database': 'The connection to the database is encrypted, or stays in this process',
    'transport-mail': 'Mail leaves over TLS',
    'sealed-fields':
      'Personal details in the log and in declarations are sealed with a key for each subject, which erasure destroys; the keys are in the same database and in the folder vault, and in no backup',
    'disk-encryption': 'The program encrypts database files: it does not, use encrypted disks',
    'access-roles': 'Access by role and scope, denied by default',
    'second-factor': 'Second factors (TOTP, passkeys) are offered; none is forced',
    passwords: 'Passwords are stored as Argon2 digests',
    'access-log': 'What people, keys and operators change is logged before and after it is done',
    'transparency-log': 'Settled sessions, attestations and erasures are in an append-only log',
    'log-witnesses': 'Independent witnesses co-sign the log (number)',
    'residency-attestations': 'Evidence of location is asked of providers, and attested',
    'residency-landmarks': 'Landmarks measure where providers are (number)',
    'retention-job': 'Data older than its period is removed every night',
    'two-operators': 'Adjustments of the books need two operators',
    'payout-approval': 'Large payout runs wait for an operator’s approval',
    'live-payments': 'Payments are Stripe’s, not those of a sandbox',
  },
  unsaid: 'not stated',
  on: 'on',
  off: 'off',
  days: (days) => `${days} days`,
  noAge: 'not by age',
  inUse: (providers, sessions) => `${providers} providers, ${sessions} sessions in 90 days`,
}

const de: ComplianceWords = {
  purposes: {
    accounts: 'Konten von Personen und Organisationen, Anmeldung',
    access: 'Wer für eine Organisation handeln darf, und mit welchen Schlüsseln',
    settlement: 'Verbuchen, was zugesagt, verbraucht und geschuldet ist',
    payments: 'Zahlungen annehmen und erstatten',
    payouts: 'Anbieter bezahlen',
    invoicing: 'Rechnungen, Abrechnungen und Steuern',
    'cost-reports': 'Budgets, Berichte und Vorhersagen der Ausgaben',
    notifications: 'Organisationen mitteilen, worüber sie unterrichtet werden wollen',
    'service-quality': 'Messen, was Anbieter zugesagt haben',
    residency: 'Belege, wo Anbieter sind',
    audit: 'Das Protokoll, das beweist, was geschah',
    security: 'Missbrauch fernhalten und finden',
    rights: 'Beantworten, was Personen zu ihren Daten fragen',
    operations: 'Betrieb des Dienstes',
  },
  bases: {
    contract: 'Vertrag (Art. 6 Abs. 1 lit. b)',
    'legal-obligation': 'rechtliche Verpflichtung (Art. 6 Abs. 1 lit. c)',
    'legitimate-interests': 'berechtigte Interessen (Art. 6 Abs. 1 lit. f)',
    none: 'keine personenbezogenen Daten',
  },
  subjects: { person: 'Personen mit Konto', organization: 'Kunden', provider: 'Anbieter' },
  data: {
    identity: 'Namen, Anschriften, E-Mail',
    'free-text': 'eingegebener Text',
    credential: 'Prüfwerte von Passwörtern, Schlüsseln und Codes',
    sealed: 'versiegelte Angaben',
    origin: 'Netzadressen, Browser, Länder',
    pseudonym: 'Kennungen',
    activity: 'was getan und verbraucht wurde',
    money: 'Beträge',
    proof: 'signierte Aufzeichnungen und Prüfwerte',
    technical: 'Zustände und Zeiten',
  },
  recipients: {
    payments:
      'Zahlungen: Namen, E-Mail, Rechnungsanschriften, Beträge; bei Anbietern, wer sie sind',
    hosting: 'Hosting: alles, was der Dienst speichert',
    mail: 'Mailserver: Adressen und Text der Mails',
    'vat-register': 'Umsatzsteuer-Identifikationsnummern',
    'log-witness': 'Zeugen des Protokolls (Anzahl): Prüfwerte und Signaturen, keine Personendaten',
    provider:
      'Anbieter von Inferenz in diesem Land: Eingabe und Antwort einer Sitzung, unmittelbar vom Knoten des Kunden; nie von diesem Dienst',
    named: 'Vom Betreiber genannt',
  },
  measures: {
    'no-prompts':
      'Eingaben und Antworten erreichen diesen Dienst nie; Belege enthalten Zahlen und Prüfwerte',
    'transport-api': 'Die Schnittstelle wird über TLS erreicht (laut öffentlicher Adresse)',
    'transport-database':
      'Die Verbindung zur Datenbank ist verschlüsselt oder bleibt in diesem Prozess',
    'transport-mail': 'Mails werden über TLS gesendet',
    'sealed-fields':
      'Personendaten im Protokoll und in Erklärungen sind mit einem Schlüssel je Betroffenem versiegelt, den die Löschung vernichtet; die Schlüssel liegen in derselben Datenbank und im Ordner vault, und in keiner Sicherung',
    'disk-encryption':
      'Das Programm verschlüsselt Datenbankdateien: Das tut es nicht, verschlüsselte Datenträger verwenden',
    'access-roles': 'Zugriff nach Rolle und Umfang, im Zweifel verweigert',
    'second-factor': 'Zweite Faktoren (TOTP, Passkeys) werden angeboten; keiner wird erzwungen',
    passwords: 'Passwörter werden als Argon2-Prüfwerte gespeichert',
    'access-log':
      'Was Personen, Schlüssel und Betreiber ändern, wird vorher und nachher aufgezeichnet',
    'transparency-log':
      'Abgerechnete Sitzungen, Bescheinigungen und Löschungen stehen in einem nur wachsenden Protokoll',
    'log-witnesses': 'Unabhängige Zeugen zeichnen das Protokoll gegen (Anzahl)',
    'residency-attestations': 'Von Anbietern werden Belege des Standorts verlangt und bescheinigt',
    'residency-landmarks': 'Landmarken messen, wo Anbieter sind (Anzahl)',
    'retention-job': 'Daten, die älter sind als ihre Frist, werden jede Nacht entfernt',
    'two-operators': 'Berichtigungen der Bücher brauchen zwei Betreiber',
    'payout-approval': 'Große Auszahlungsläufe warten auf die Freigabe eines Betreibers',
    'live-payments': 'Zahlungen laufen über Stripe, nicht über eine Nachbildung',
  },
  unsaid: 'nicht angegeben',
  on: 'an',
  off: 'aus',
  days: (days) => `${days} Tage`,
  noAge: 'nicht nach Alter',
  inUse: (providers, sessions) => `${providers} Anbieter, ${sessions} Sitzungen in 90 Tagen`,
}

export const COMPLIANCE_WORDS: Record<Language, ComplianceWords> = { en, de }
