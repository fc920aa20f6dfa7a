-- What a provider's measurements have to be of: fresh, given once, taken once.
create table location_challenge (
  provider text primary key references provider (peer_id),
  nonce bytea not null check (octet_length(nonce) = 16),
  given_at timestamptz not null,
  expires_at timestamptz not null
);
--> statement-breakpoint
-- The last of each kind that was seen of where a provider is, whatever it says.
create table location_evidence (
  provider text not null references provider (peer_id),
  kind text not null check (kind in ('geoip', 'latency', 'operator')),
  country text not null,
  -- Of the provider's declared country: what it says.
  outcome text not null check (outcome in ('supports', 'open', 'contradicts')),
  -- A data set with its version, or where an operator's documents are.
  reference text not null,
  -- Of latency: DAG-CBOR of the list of signed measurements; an empty list otherwise.
  pings bytea not null,
  observed_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (provider, kind)
);
--> statement-breakpoint
-- No attestation is given to these, and none counted, until an operator lifts it.
create table attestation_block (
  provider text primary key references provider (peer_id),
  reason text not null,
  at timestamptz not null,
  lifted_at timestamptz
);
--> statement-breakpoint
create table attestation (
  cid text primary key,
  provider text not null references provider (peer_id),
  country text not null,
  level integer not null check (level between 1 and 4),
  signed bytea not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  issued_at timestamptz not null,
  revoked_at timestamptz,
  reason text,
  -- In the order in which revocations can be seen.
  revocation bigint unique,
  constraint attestation_revoked_whole check
    ((revoked_at is null) = (revocation is null) and (revoked_at is null) = (reason is null))
);
--> statement-breakpoint
create index attestation_of_provider on attestation (provider, not_after);
--> statement-breakpoint
create sequence attestation_revocation;
