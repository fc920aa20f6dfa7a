-- What nodes are asked to erase because somebody was erased here. The digest of the erased and what the node knows of them:
-- peer ids and authorizations, no name.
create table deletion_request (
  id bigint generated always as identity primary key,
  tombstone bytea not null check (length(tombstone) = 32),
  -- The request of the subject that it is part of; null where they erased themselves without one.
  rights_request text references rights_request (id),
  node text not null,
  side text not null check (side in ('provider', 'consumer')),
  part integer not null check (part >= 0),
  consumers text[] not null,
  authorizations text[] not null,
  at timestamptz not null,
  due_at timestamptz not null,
  -- The record, from when it was signed.
  cid text unique,
  signed bytea,
  fetched_at timestamptz,
  reminded_at timestamptz,
  state text not null check (state in ('open', 'partial', 'confirmed', 'expired')),
  -- When nothing was left to wait for: all is confirmed, or the time is over.
  ended_at timestamptz,
  -- Of the last confirmation; -1 before the first.
  sequence integer not null default -1,
  check ((cid is null) = (signed is null)),
  check ((ended_at is not null) = (state in ('confirmed', 'expired'))),
  unique (tombstone, node, side, part)
);
--> statement-breakpoint
create index deletion_request_node on deletion_request (node, id) where state <> 'confirmed';
--> statement-breakpoint
create index deletion_request_due on deletion_request (due_at) where state in ('open', 'partial');
--> statement-breakpoint
create index deletion_request_rights on deletion_request (rights_request);
--> statement-breakpoint
-- What nodes answered, word for word.
create table deletion_confirmation (
  request bigint not null references deletion_request (id) on delete cascade,
  sequence integer not null check (sequence >= 0),
  cid text not null unique,
  signed bytea not null,
  -- As the record has it, for people to read.
  erased jsonb not null,
  kept jsonb not null,
  is_complete boolean not null,
  at timestamptz not null,
  received_at timestamptz not null,
  primary key (request, sequence)
);
