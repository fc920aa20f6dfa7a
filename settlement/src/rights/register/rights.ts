import type { TableRecord } from './record.ts'

/** What people ask about their data, and what came of it. */
export const RIGHTS = {
  lawful_basis: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'accounting',
    whose: { organization: 'organization' },
    erased: { organization: 'kept' },
    because: 'that processing was lawful has to be shown afterwards (GDPR, Article 5(2))',
    columns: {
      pseudonym: 'organization given_by withdrawn_by',
      technical: 'purpose number basis version given_at withdrawn_at',
    },
  },
  rights_request: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'accounting',
    whose: { person: 'subject', organization: 'subject', provider: 'subject' },
    erased: { person: 'kept', organization: 'kept', provider: 'kept' },
    because: 'that a request was answered in time has to be shown afterwards (GDPR, Article 5(2))',
    columns: {
      pseudonym: 'subject opened_by',
      technical:
        'id kind subject_kind state received_at due_at extended ended_at lifted_at reminded_at steps',
    },
  },
  rights_step: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'accounting',
    of: { column: 'request', table: 'rights_request', key: 'id' },
    erased: { person: 'emptied', organization: 'emptied', provider: 'emptied' },
    because: 'that a request was answered in time has to be shown afterwards (GDPR, Article 5(2))',
    columns: {
      'free-text': 'note',
      pseudonym: 'request by_actor',
      technical: 'number step ground at',
    },
  },
  erasure: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'permanent',
    notExported: 'a digest of an id, which says of nobody whose it was',
    columns: { proof: 'tombstone subject', technical: 'kind report at scrubbed_at' },
  },
  deletion_request: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'accounting',
    whose: { provider: 'node' },
    of: { column: 'rights_request', table: 'rights_request', key: 'id' },
    erased: { person: 'kept', organization: 'kept', provider: 'kept' },
    because: 'that others were told of an erasure has to be shown afterwards (GDPR, Article 19)',
    columns: {
      pseudonym: 'rights_request node consumers authorizations',
      proof: 'tombstone cid signed',
      technical: 'id side part at due_at fetched_at reminded_at state ended_at sequence',
    },
  },
  deletion_confirmation: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'accounting',
    of: { column: 'request', table: 'deletion_request', key: 'id' },
    erased: { person: 'kept', organization: 'kept', provider: 'kept' },
    because: 'that others were told of an erasure has to be shown afterwards (GDPR, Article 19)',
    columns: {
      proof: 'cid signed',
      technical: 'request sequence erased kept is_complete at received_at',
    },
  },
  data_export: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'short',
    whose: { person: 'subject', organization: 'subject', provider: 'subject' },
    erased: { person: 'deleted', organization: 'deleted', provider: 'deleted' },
    notExported: 'a copy of what is exported',
    columns: {
      proof: 'sha256',
      pseudonym: 'subject asked_by',
      technical:
        'id subject_kind state attempts leased_until tables_done tables_all records bytes failure created_at ended_at expires_at',
    },
  },
  data_export_part: {
    purpose: 'rights',
    basis: 'legal-obligation',
    kept: 'short',
    of: { column: 'export', table: 'data_export', key: 'id' },
    erased: { person: 'deleted', organization: 'deleted', provider: 'deleted' },
    notExported: 'a copy of what is exported',
    columns: { identity: 'bytes', pseudonym: 'export', technical: 'number' },
  },
} as const satisfies Readonly<Record<string, TableRecord>>
