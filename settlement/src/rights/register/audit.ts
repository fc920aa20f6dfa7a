import type { TableRecord } from './record.ts'

/** What is made of the audit trail. */
export const AUDIT_TABLES = {
  audit_package: {
    purpose: 'audit',
    basis: 'legitimate-interests',
    kept: 'request-metadata',
    whose: { organization: 'organization' },
    erased: { organization: 'deleted' },
    columns: {
      'free-text': 'failure',
      sealed: 'content',
      pseudonym: 'organization requested_by sessions',
      proof: 'sha256',
      technical:
        'id period_from period_to since state done total bytes attempts leased_until created_at ended_at expires_at',
    },
  },
} as const satisfies Readonly<Record<string, TableRecord>>
