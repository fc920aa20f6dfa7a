-- The transparency log. An event is written by the transaction that does what it tells of; `leaf` is empty until the
-- sequencer has put it into the tree, in the transaction that commits the tiles and the checkpoint.
create table log_event (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('receipt-settled', 'statement-settled', 'attestation-issued',
    'attestation-revoked', 'payout', 'policy-violation', 'erasure', 'key-rotation')),
  record text,
  -- The bytes that the leaf commits to, with the salt.
  body bytea not null,
  salt bytea not null check (length(salt) = 32),
  subject bytea,
  leaf bigint unique check (leaf >= 0),
  at timestamptz not null
);
--> statement-breakpoint
create index log_event_waiting on log_event (id) where leaf is null;
--> statement-breakpoint
create index log_event_subject on log_event (subject, id) where subject is not null;
--> statement-breakpoint
-- These happen once to a record, however often they are asked for.
create unique index log_event_once on log_event (record, kind)
  where kind in ('receipt-settled', 'statement-settled', 'attestation-issued', 'policy-violation');
--> statement-breakpoint
create function log_event_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'events of the log are never changed: they only get their place'
    using errcode = 'restrict_violation', constraint = 'log_event_is_immutable';
end
$$;
--> statement-breakpoint
create trigger log_event_is_immutable before delete or truncate on log_event
  for each statement execute function log_event_is_immutable();
--> statement-breakpoint
create trigger log_event_keeps_its_content before update of id, kind, record, body, salt, subject, at on log_event
  for each statement execute function log_event_is_immutable();
--> statement-breakpoint
-- Tiles and entry bundles by their path (C2SP tlog-tiles). In byte order, to find the partial ones of a tile.
create table log_tile (
  path text collate "C" primary key,
  bytes bytea not null
);
--> statement-breakpoint
-- The latest checkpoint, swapped by comparison: whoever sets it back makes the log sign two histories.
create table log_checkpoint (
  only_one boolean primary key default true check (only_one),
  note text not null,
  -- The same with the lines of the witnesses.
  cosigned text not null
);
--> statement-breakpoint
create table log_key (
  cid text primary key,
  vkey text not null,
  signed bytea not null,
  not_before timestamptz not null,
  not_after timestamptz not null
);
--> statement-breakpoint
-- The size of the last checkpoint that a witness cosigned.
create table log_witness (
  vkey text primary key,
  size numeric(20, 0) not null
);
--> statement-breakpoint
-- Keys that personal data in events are sealed with. Erasing a subject leaves the opaque id alone.
create table subject_key (
  subject bytea primary key,
  owner text unique,
  key bytea check (length(key) = 32),
  created_at timestamptz not null,
  erased_at timestamptz,
  check ((key is null) = (erased_at is not null) and (owner is null) = (key is null))
);
