create table organization (
  id text primary key,
  name text not null,
  created_at timestamptz not null
);
--> statement-breakpoint
-- The key itself is never stored: its SHA-256, and the prefix by which it is found and shown.
create table api_key (
  prefix text primary key,
  organization text not null references organization (id),
  hash bytea not null check (length(hash) = 32),
  created_at timestamptz not null,
  revoked_at timestamptz
);
--> statement-breakpoint
create table consumer (
  peer_id text primary key,
  organization text not null references organization (id),
  created_at timestamptz not null
);
--> statement-breakpoint
create table provider (
  peer_id text primary key,
  country text not null check (length(country) = 2),
  account text unique,
  payable_since timestamptz,
  fee_bps integer not null check (fee_bps between 0 and 10000),
  binding bytea not null,
  created_at timestamptz not null
);
--> statement-breakpoint
create sequence authorization_serial;
--> statement-breakpoint
create table spend_authorization (
  serial bigint primary key,
  cid text not null unique,
  organization text not null references organization (id),
  consumer text not null,
  provider text not null,
  amount_limit numeric(38, 0) not null check (amount_limit > 0),
  spent numeric(38, 0) not null default 0 check (spent >= 0),
  released numeric(38, 0) not null default 0 check (released >= 0),
  issued_at timestamptz not null,
  not_after timestamptz not null,
  closed_at timestamptz,
  signed bytea not null,
  idempotency_key text,
  request_digest text not null,
  constraint spend_authorization_limit check (spent + released <= amount_limit),
  unique (organization, idempotency_key)
) with (fillfactor = 50);
--> statement-breakpoint
create index spend_authorization_open on spend_authorization (not_after) where closed_at is null;
--> statement-breakpoint
create table settled_session (
  session text primary key,
  authorization_serial bigint references spend_authorization (serial),
  organization text references organization (id),
  consumer text not null,
  provider text not null,
  model text not null,
  sequence bigint not null,
  receipt text not null,
  amount numeric(38, 0) not null,
  fee numeric(38, 0) not null,
  fee_bps integer not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  final text,
  signed_order bytea not null,
  signed_acceptance bytea not null,
  accepted_at timestamptz not null,
  updated_at timestamptz not null,
  check (fee between 0 and amount)
) with (fillfactor = 70);
--> statement-breakpoint
create index settled_session_authorization on settled_session (authorization_serial);
--> statement-breakpoint
create index settled_session_provider on settled_session (provider, updated_at);
--> statement-breakpoint
create index settled_session_organization on settled_session (organization, updated_at);
--> statement-breakpoint
create table settled_receipt (
  session text not null references settled_session (session),
  sequence bigint not null,
  cid text not null,
  amount numeric(38, 0) not null,
  increase numeric(38, 0) not null check (increase >= 0),
  signed bytea not null,
  at timestamptz not null,
  primary key (session, sequence)
);
--> statement-breakpoint
-- Evidence: a second receipt that both sides signed under a sequence number that is taken.
create table receipt_conflict (
  session text not null,
  sequence bigint not null,
  cid text not null,
  signed bytea not null,
  at timestamptz not null,
  primary key (session, sequence, cid)
);
--> statement-breakpoint
create table top_up (
  id text primary key,
  organization text not null references organization (id),
  idempotency_key text not null,
  request_digest text not null,
  cents bigint not null check (cents > 0),
  payment_intent text unique,
  state text not null check (state in ('pending', 'succeeded', 'failed')),
  created_at timestamptz not null,
  credited_at timestamptz,
  unique (organization, idempotency_key)
);
--> statement-breakpoint
create table payout (
  id text primary key,
  provider text not null references provider (peer_id),
  account text not null,
  cents bigint not null check (cents > 0),
  state text not null check (state in ('pending', 'submitted', 'paid', 'failed')),
  transfer text unique,
  failure text,
  -- While a process is asking Stripe, no other one asks for the same payout.
  leased_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
--> statement-breakpoint
create index payout_open on payout (created_at) where state in ('pending', 'submitted');
--> statement-breakpoint
create index payout_provider on payout (provider);
--> statement-breakpoint
create table stripe_event (
  id text primary key,
  type text not null,
  body bytea not null,
  received_at timestamptz not null
);
