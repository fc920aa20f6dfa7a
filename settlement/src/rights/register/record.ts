/** Whom data are about. A person signs in; an organization buys; a provider sells, and is known by its peer id. */
export const SUBJECT_KINDS = ['person', 'organization', 'provider'] as const
export type SubjectKind = (typeof SUBJECT_KINDS)[number]

/** What a column holds. The first five are emptied where a row is, and sealed in backups. */
export const DATA_CLASSES = [
  /** Names, addresses, e-mail, ids that others gave: who somebody is. */
  'identity',
  /** What people type to name and explain things; anything may be in it. */
  'free-text',
  /** What proves who somebody is: digests of secrets, keys, codes. */
  'credential',
  /** Unreadable without the key of its subject. */
  'sealed',
  /** From where somebody came: addresses, browsers, countries. */
  'origin',
  /** An id that stands for somebody only as long as another table says for whom. */
  'pseudonym',
  /** What was done or used. */
  'activity',
  'money',
  /** Signed records, digests, places in the log. */
  'proof',
  /** States, times and counts that say nothing of anybody. */
  'technical',
] as const
export type DataClass = (typeof DATA_CLASSES)[number]

/** GDPR, Article 6(1), in the words of the node; `none` where a table holds nothing about anybody. */
export type LawfulBasis = 'contract' | 'legal-obligation' | 'legitimate-interests' | 'none'

/** What processing is for (GDPR, Article 30(1)(b)). */
export const PURPOSES = {
  accounts: 'Accounts of people and organizations, and signing in',
  access: 'Who may act for an organization, and with which keys',
  settlement: 'Booking what was promised, used and owed',
  payments: 'Taking payments and giving them back',
  payouts: 'Paying providers',
  invoicing: 'Invoices, statements and tax',
  'cost-reports': 'Budgets, reports and forecasts of spending',
  notifications: 'Telling organizations what they asked to be told',
  'service-quality': 'Measuring what providers promised',
  residency: 'Evidence of where providers are',
  audit: 'The log that proves what was done',
  security: 'Keeping misuse out and finding it',
  rights: 'Answering what people ask about their data',
  operations: 'Running the service',
} as const
export type Purpose = keyof typeof PURPOSES

/** How long rows are kept while nobody asks for their erasure. The periods themselves are settings of retention. */
export const KEPT = {
  /** Until its own end: minutes to days. */
  short: 'until it expires by itself',
  'sign-in': 'thirty days after the last use',
  account: 'as long as the account is there',
  organization: 'as long as the organization is a customer',
  provider: 'as long as the provider has a contract',
  'request-metadata': 'as long as metadata of requests are kept',
  audit: 'as long as the audit trail is kept',
  accounting: 'as long as commercial and tax law want',
  operations: 'as long as the service runs',
  permanent: 'for ever: proofs rest on it',
} as const
export type Kept = keyof typeof KEPT

/**
 * What an erasure of the subject does with a row of theirs:
 * it is deleted; its columns of the first five classes are emptied; it is unreadable since the key is destroyed; it stays
 * with an id that stands for nobody any more; or law or others' rights keep it (`because`).
 */
export type Erased = 'deleted' | 'emptied' | 'sealed' | 'unlinked' | 'kept'

/** What the register says of one table. */
export interface TableRecord {
  readonly purpose: Purpose
  readonly basis: LawfulBasis
  readonly kept: Kept
  /** The column that says whose a row is, for each kind of subject that it may be about. */
  readonly whose?: Readonly<Partial<Record<SubjectKind, string>>>
  /** A row belongs to whom a row of another table belongs. */
  readonly of?: { readonly column: string; readonly table: string; readonly key: string }
  readonly erased?: Readonly<Partial<Record<SubjectKind, Erased>>>
  /** Of which columns a row of theirs is emptied, where that is not all of those classes. */
  readonly clears?: Readonly<Partial<Record<SubjectKind, string>>>
  /** What stands in an emptied column where that cannot be nothing; `{column}` is the row's own. */
  readonly instead?: Readonly<Record<string, string>>
  /** Why something is kept. */
  readonly because?: string
  /** Why an export does not have it; what has no such reason is exported. */
  readonly notExported?: string
  /** Every column of the table once, in lists with spaces between them. */
  readonly columns: Readonly<Partial<Record<DataClass, string>>>
}

/** The classes that an erasure empties and a backup seals. */
export const CLEARED: readonly DataClass[] = [
  'identity',
  'free-text',
  'credential',
  'sealed',
  'origin',
]
