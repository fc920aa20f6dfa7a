-- Whom the key of a node has let in: people who look after it in the browser. A node is linked before it has a payout
-- account, so it need not be a provider yet.
create table provider_link (
  peer_id text not null,
  person text not null references person (id),
  linked_at timestamptz not null,
  primary key (peer_id, person)
);
--> statement-breakpoint
create index provider_link_person on provider_link (person, linked_at, peer_id);
--> statement-breakpoint
-- What a page shows for a node to sign: one of each person, its hash alone, gone once it was used.
create table provider_link_code (
  person text primary key references person (id),
  hash bytea not null unique,
  expires_at timestamptz not null
);
