import type { TableRecord } from './record.ts'

/** Operators, the books’ other side, and the log. */
export const PLATFORM = {
  operator: {
    purpose: 'operations',
    basis: 'legitimate-interests',
    kept: 'operations',
    notExported: 'people who work for the platform: their employer’s records',
    columns: {
      identity: 'name',
      credential: 'hash',
      pseudonym: 'prefix created_by revoked_by',
      technical: 'id created_at revoked_at role',
    },
  },
  operator_person: {
    purpose: 'operations',
    basis: 'legitimate-interests',
    kept: 'operations',
    whose: { person: 'person' },
    erased: { person: 'deleted' },
    columns: {
      pseudonym: 'operator person linked_by ended_by',
      technical: 'linked_at ended_at',
    },
  },
  operator_action: {
    purpose: 'operations',
    basis: 'legitimate-interests',
    kept: 'audit',
    notExported: 'what operators did, in the platform’s own records',
    columns: {
      pseudonym: 'operator',
      activity: 'action path',
      technical: 'id at',
    },
  },
  adjustment: {
    purpose: 'settlement',
    basis: 'legal-obligation',
    kept: 'accounting',
    because: 'commercial and tax law: ten years',
    notExported: 'a proposal to book; what was booked is among the transfers',
    columns: {
      'free-text': 'reason note',
      pseudonym: 'debit credit movement proposed_by decided_by',
      money: 'amount',
      proof: 'decided_at',
      technical: 'id kind state proposed_at expires_at',
    },
  },
  reconciliation: {
    purpose: 'operations',
    basis: 'legal-obligation',
    kept: 'accounting',
    because: 'commercial and tax law: ten years',
    notExported: 'names nobody',
    columns: {
      pseudonym: 'asked_by',
      money: 'ledger_cents stripe_cents',
      technical:
        'id whole since until started_at finished_at movements open explained balance_compared',
    },
  },
  reconciliation_difference: {
    purpose: 'operations',
    basis: 'legal-obligation',
    kept: 'accounting',
    because: 'commercial and tax law: ten years',
    notExported: 'between the books and Stripe, by ids of payments',
    columns: {
      'free-text': 'reason note',
      pseudonym: 'subject resolved_by',
      technical: 'id side expected actual state first_seen last_seen at updated_at',
    },
  },
  stripe_catalogue: {
    purpose: 'operations',
    basis: 'none',
    kept: 'operations',
    notExported: 'names nobody',
    columns: {
      technical: 'name id created_at',
    },
  },
  stripe_cursor: {
    purpose: 'operations',
    basis: 'none',
    kept: 'operations',
    notExported: 'names nobody',
    columns: {
      technical: 'list seen_until leased_until polled_at taken failure',
    },
  },
  stripe_event: {
    purpose: 'payments',
    basis: 'legal-obligation',
    kept: 'short',
    erased: { organization: 'emptied', provider: 'emptied' },
    notExported: 'messages of Stripe about what is exported; emptied when a customer is erased',
    columns: {
      identity: 'body',
      technical: 'id type received_at',
    },
  },
  stripe_identity: {
    purpose: 'operations',
    basis: 'none',
    kept: 'operations',
    notExported: 'names nobody',
    columns: {
      technical: 'single account mode at',
    },
  },
  stripe_movement: {
    purpose: 'settlement',
    basis: 'legal-obligation',
    kept: 'accounting',
    because: 'commercial and tax law: ten years',
    notExported: 'movements of the platform’s own balance, by ids of payments',
    columns: {
      pseudonym: 'key operation',
      money: 'amount_cents fee_cents net_cents',
      technical: 'id type category created_at available_on booked_at',
    },
  },
  log_event: {
    purpose: 'audit',
    basis: 'legitimate-interests',
    kept: 'permanent',
    erased: { organization: 'sealed', provider: 'sealed', person: 'sealed' },
    because: 'commitments that proofs rest on; what they say of a subject is sealed',
    notExported: 'the trail of a subject is exported as its own file',
    columns: {
      sealed: 'body',
      pseudonym: 'subject',
      proof: 'record salt leaf',
      technical: 'id kind at',
    },
  },
  log_tile: {
    purpose: 'audit',
    basis: 'legitimate-interests',
    kept: 'permanent',
    notExported: 'hashes alone',
    columns: {
      proof: 'bytes',
      technical: 'path',
    },
  },
  log_checkpoint: {
    purpose: 'audit',
    basis: 'legitimate-interests',
    kept: 'permanent',
    notExported: 'hashes alone',
    columns: {
      proof: 'note cosigned',
      technical: 'only_one',
    },
  },
  log_key: {
    purpose: 'audit',
    basis: 'none',
    kept: 'permanent',
    notExported: 'names nobody',
    columns: {
      proof: 'cid vkey signed',
      technical: 'not_before not_after',
    },
  },
  log_witness: {
    purpose: 'audit',
    basis: 'none',
    kept: 'permanent',
    notExported: 'names nobody',
    columns: {
      proof: 'vkey',
      technical: 'size',
    },
  },
  subject_key: {
    purpose: 'audit',
    basis: 'legitimate-interests',
    kept: 'account',
    erased: { organization: 'emptied', provider: 'emptied', person: 'emptied' },
    notExported: 'a key is not about anybody, and opens what is exported already open',
    columns: {
      credential: 'key',
      pseudonym: 'subject owner',
      technical: 'created_at erased_at',
    },
  },
  migration: {
    purpose: 'operations',
    basis: 'none',
    kept: 'permanent',
    notExported: 'names nobody',
    columns: {
      technical: 'name digest at breaking',
    },
  },
} as const satisfies Readonly<Record<string, TableRecord>>
