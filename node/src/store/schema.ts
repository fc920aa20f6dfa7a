import type { DatabaseSync } from 'node:sqlite'

/** Applied in order, each once, in a transaction; never edit one that was released. */
const MIGRATIONS = [
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
]

export function migrate(db: DatabaseSync, readOnly: boolean): void {
  const version = Number(db.prepare('pragma user_version').get()?.user_version ?? 0)
  if (version > MIGRATIONS.length) {
    throw new Error(`the store is of a newer release (schema ${version}): update this program`)
  }
  if (readOnly && version < MIGRATIONS.length)
    throw new Error(`the store is of an older release (schema ${version}): start its daemon once`)
  for (const [i, sql] of MIGRATIONS.entries()) {
    if (i < version) continue
    db.exec(`begin immediate; ${sql}; pragma user_version = ${i + 1}; commit`)
  }
}
