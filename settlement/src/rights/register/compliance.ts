import type { TableRecord } from './record.ts'

/** Retention, breaches, and who providers are as traders. */
export const COMPLIANCE = {
  retention_run: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'audit',
    notExported: 'counts of rows that were removed',
    columns: { pseudonym: 'asked_by', technical: 'id started_at ended_at report' },
  },
  legal_hold: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'audit',
    notExported: 'what operators decided to keep, and why: claims and investigations rest on it',
    columns: {
      'free-text': 'reason',
      pseudonym: 'subject placed_by released_by',
      technical: 'id scope placed_at released_at',
    },
  },
  breach_step: {
    purpose: 'security',
    basis: 'legal-obligation',
    kept: 'audit',
    notExported: 'the register of breaches, which an authority may see (Art. 33 (5) GDPR)',
    columns: {
      'free-text': 'step',
      pseudonym: 'by_operator',
      technical: 'breach number at',
    },
  },
  trader_declaration: {
    purpose: 'payouts',
    basis: 'legal-obligation',
    kept: 'provider',
    whose: { provider: 'provider' },
    erased: { provider: 'sealed' },
    because: 'that a trader declared who they are, and when (Art. 30 DSA)',
    columns: {
      sealed: 'sealed',
      pseudonym: 'provider',
      technical: 'version certified at',
    },
  },
  trader_review: {
    purpose: 'payouts',
    basis: 'legal-obligation',
    kept: 'provider',
    whose: { provider: 'provider' },
    erased: { provider: 'emptied' },
    instead: { reference: 'erased' },
    because: 'that a declaration was looked at, and what came of it (Art. 30 DSA)',
    columns: {
      'free-text': 'reference',
      pseudonym: 'provider by_operator',
      technical: 'version outcome at',
    },
  },
  trader_suspension: {
    purpose: 'payouts',
    basis: 'legal-obligation',
    kept: 'provider',
    whose: { provider: 'provider' },
    erased: { provider: 'unlinked' },
    because: 'that a trader could not be paid, and from when to when',
    columns: { pseudonym: 'provider', technical: 'suspended_at missing lifted_at' },
  },
} as const satisfies Readonly<Record<string, TableRecord>>
