import { migrationOf } from './migration.ts'

/** Applied in order, each once; never edit one that was released. */
export const MIGRATIONS = [
  `
  create table record (cid text primary key, signed blob not null) strict, without rowid;
  create table offer_attestation (
    offer text not null references record, attestation text not null references record,
    primary key (offer, attestation)
  ) strict, without rowid;
  create table session (
    session text primary key,
    role text not null check (role in ('provider', 'consumer')),
    peer text not null,
    model text not null,
    offer text not null,
    acceptance text references record,
    authorization text references record,
    started_at integer not null,
    ended_at integer,
    reason text
  ) strict;
  create index session_started on session (started_at);
  create index session_authorization on session (authorization);
  create table receipt (
    session text not null references session,
    sequence integer not null,
    amount integer not null,
    signed blob not null,
    primary key (session, sequence)
  ) strict, without rowid;
  create table held_authorization (
    authorization text primary key references record, provider text not null, not_after integer not null
  ) strict, without rowid;
  create table outbox (
    session text primary key references session,
    sequence integer not null,
    attempts integer not null default 0,
    next_at integer not null default 0,
    refused text
  ) strict, without rowid;
  `,
  `
  create table statement (
    cid text primary key,
    role text not null check (role in ('provider', 'consumer')),
    authorization text not null,
    lane integer not null,
    sequence integer not null,
    signed blob not null,
    lines blob not null,
    state text not null check (state in ('proposed', 'signed', 'acknowledged', 'abandoned')),
    attempts integer not null default 0,
    next_at integer not null default 0,
    refused text,
    unique (authorization, lane, sequence)
  ) strict, without rowid;
  create index statement_due on statement (next_at) where state = 'signed';
  -- The Statement that says it: settlement is told of the session by that, and not by its receipt.
  alter table outbox add column statement text references statement;
  alter table session add column statement text references statement;
  `,
  `
  create table settlement_proof (
    session text primary key references session, key blob not null, proof blob not null
  ) strict, without rowid;
  `,
  `
  -- What opens a session's commitments: deleting a row leaves them meaningless, and every proof valid.
  create table opening (
    session text primary key references session, secret blob not null, request blob
  ) strict, without rowid;
  `,
  `
  -- Who may use a gateway besides its owner, and on what terms (JSON, read by gateway/keys). No secret is kept.
  create table gateway_key (
    id text primary key,
    name text not null,
    digest blob not null unique,
    hint text not null,
    -- The secret before the last rotation, while it still counts.
    old_digest blob unique,
    old_until integer,
    terms text not null,
    created_at integer not null,
    revoked_at integer,
    last_used_at integer
  ) strict, without rowid;
  create unique index gateway_key_name on gateway_key (name) where revoked_at is null;
  -- Whose money an order costs: written before the order leaves. An order without a row is the owner's; one whose key is
  -- empty was somebody's, and is in the totals.
  create table attribution (
    session text primary key,
    key text not null,
    at integer not null,
    tags text not null
  ) strict, without rowid;
  create index attribution_key on attribution (key, at);
  create index attribution_at on attribution (at) where key <> '';
  -- What orders came to of which it is no longer known which they were, by key and month.
  create table spend_total (
    key text not null,
    month text not null,
    sessions integer not null,
    input_tokens integer not null,
    output_tokens integer not null,
    amount integer not null,
    primary key (key, month)
  ) strict, without rowid;
  -- Older receipts have none: they say it themselves.
  alter table receipt add column input_tokens integer;
  alter table receipt add column output_tokens integer;
  create table lawful_basis (
    id integer primary key,
    purpose text not null,
    basis text not null,
    version text not null,
    given_at integer not null,
    given_by text not null,
    withdrawn_at integer,
    withdrawn_by text
  ) strict;
  create table retention_run (at integer primary key, removed text not null) strict;
  `,
  `
  -- Answers of two providers to one request, compared; the texts are personal data and may be forgotten.
  create table spot_check (
    cid text primary key,
    at integer not null,
    model text not null,
    first text not null,
    second text not null,
    divergence integer not null,
    differ integer not null,
    signed blob not null,
    first_text text,
    second_text text
  ) strict, without rowid;
  create index spot_check_at on spot_check (at);
  `,
  `
  -- How fast and how reliable providers were; an empty name stands for all of them together.
  create table measurement (
    provider text not null, model text not null, record text not null, at integer not null,
    primary key (provider, model)
  ) strict, without rowid;
  `,
  `
  -- Rows in the order in which they came: of those of one commit many share a page. Within the index of random names, where
  -- they were, each changed a page of its own, and split it when it was full.
  create table record_new (cid text not null primary key, signed blob not null) strict;
  insert into record_new (cid, signed) select cid, signed from record;
  drop table record;
  alter table record_new rename to record;
  create table receipt_new (
    session text not null references session,
    sequence integer not null,
    amount integer not null,
    signed blob not null,
    input_tokens integer,
    output_tokens integer,
    primary key (session, sequence)
  ) strict;
  insert into receipt_new (session, sequence, amount, signed, input_tokens, output_tokens)
    select session, sequence, amount, signed, input_tokens, output_tokens from receipt;
  drop table receipt;
  alter table receipt_new rename to receipt;
  `,
  `
  -- How far a settlement's revocations were read: the number of the last one, and when its list was signed.
  create table revocation_list (
    issuer text primary key, until integer not null, at integer not null
  ) strict, without rowid;
  create table revocation (
    issuer text not null, serial integer not null, known_at integer not null,
    primary key (issuer, serial)
  ) strict, without rowid;
  -- This provider's word that it will claim no more: written before it is sent, never taken back.
  create table authorization_release (
    authorization text primary key,
    settlement text not null,
    claims integer not null,
    signed blob not null,
    told_at integer,
    refused text
  ) strict, without rowid;
  `,
  `
  -- What settlement is to be told of a session besides its receipts, once it has acknowledged it.
  create table session_note (
    session text primary key,
    end_user text,
    first_ms integer,
    total_ms integer,
    attempts integer not null default 0,
    -- Null until the session is acknowledged.
    next_at integer
  ) strict, without rowid;
  create index session_note_due on session_note (next_at) where next_at is not null;
  -- A session leaves the outbox when settlement has booked it, by a Statement or by its receipt.
  create trigger session_note_acknowledged after delete on outbox begin
    update session_note set next_at = 0 where session = old.session;
  end;
  `,
  `
  -- What settlement asks this node to erase, and what was done: the sums are in the transaction that erases, and the answer is
  -- written before it is told.
  create table deletion_request (
    cid text primary key,
    settlement text not null,
    side text not null,
    at integer not null,
    due_at integer not null,
    -- It names whom it is about: gone when there is nothing left to look at again.
    signed blob,
    received_at integer not null,
    -- Counts by class, JSON.
    erased text not null default '{}',
    -- Entries of the log that are being erased: they are in another file.
    log_pending text not null default '{}',
    -- Of the last answer; -1 before the first.
    sequence integer not null default -1,
    confirmation blob,
    -- The last answer for which the file holds no copy of what was erased; and the last that settlement has taken.
    scrubbed integer not null default -1,
    told integer not null default -1,
    refused text
  ) strict, without rowid;
  `,
  `
  -- Peers and organizations that did not countersign all that they were sent: how often, when last, and what they have to
  -- countersign before they are trusted with the window of a stranger again.
  create table payer_default (
    payer text primary key,
    defaults integer not null,
    last_at integer not null,
    owed integer not null
  ) strict, without rowid;
  create index payer_default_last on payer_default (last_at);
  `,
]

export const migrate = migrationOf(MIGRATIONS)
