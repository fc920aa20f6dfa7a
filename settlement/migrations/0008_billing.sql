-- Keys that may do less than everything. A key from before scopes may do what it could.
alter table api_key
  add column name text not null default '',
  add column scopes text[] not null default array['read', 'spend', 'billing', 'keys'],
  add constraint api_key_scopes check (scopes <@ array['read', 'spend', 'billing', 'keys']);
--> statement-breakpoint
create index api_key_organization on api_key (organization, created_at);
--> statement-breakpoint
-- Who pays. What is personal is sealed with the organization's key: destroying that key erases it.
create table billing_customer (
  organization text primary key references organization (id),
  -- Stripe's id, once it was created.
  customer text unique,
  kind text check (kind in ('business', 'consumer')),
  country text check (length(country) = 2),
  sealed bytea,
  version integer not null default 0,
  -- The version that Stripe has, and who is telling it of a newer one.
  synced_version integer not null default 0,
  leased_until timestamptz,
  updated_at timestamptz not null,
  constraint billing_customer_profile check
    (version = 0 or (kind is not null and country is not null and sealed is not null))
);
--> statement-breakpoint
create index billing_customer_behind on billing_customer (updated_at) where synced_version < version;
--> statement-breakpoint
-- What was charged is net and VAT; Stripe's fee is booked when Stripe tells it.
alter table top_up
  add column source text not null default 'direct' check (source in ('direct', 'checkout', 'automatic')),
  add column payment_method text,
  add column vat_cents bigint not null default 0,
  add column tax text,
  add column charge text,
  add column fee_cents bigint check (fee_cents >= 0),
  add column checkout text unique,
  add column checkout_url text,
  add column expires_at timestamptz,
  add column failure text,
  add column leased_until timestamptz,
  add constraint top_up_vat check (vat_cents between 0 and cents);
--> statement-breakpoint
create index top_up_pending on top_up (created_at) where state = 'pending';
--> statement-breakpoint
create index top_up_without_fee on top_up (credited_at) where state = 'succeeded' and fee_cents is null;
--> statement-breakpoint
create index top_up_organization on top_up (organization, created_at);
--> statement-breakpoint
create table automatic_top_up (
  organization text primary key references organization (id),
  enabled boolean not null,
  -- Charged when what is available and on its way falls below it.
  threshold_cents bigint not null check (threshold_cents >= 0),
  cents bigint not null check (cents > 0),
  -- Charged at most, in one calendar month.
  monthly_cents bigint not null check (monthly_cents >= cents),
  payment_method text not null,
  failures integer not null default 0,
  paused_until timestamptz,
  updated_at timestamptz not null
);
--> statement-breakpoint
-- What the organization should know of, newest last; told once for each cause.
create table billing_notice (
  id bigint generated always as identity primary key,
  organization text not null references organization (id),
  kind text not null,
  cause text not null,
  at timestamptz not null,
  unique (organization, kind, cause)
);
--> statement-breakpoint
create table refund (
  id text primary key,
  organization text not null references organization (id),
  -- A refund that somebody made at Stripe has no key, and none of our ids in its name.
  idempotency_key text,
  request_digest text,
  payment_intent text not null,
  cents bigint not null check (cents > 0),
  -- Of it, VAT; and what had been spent already and is the platform's loss.
  vat_cents bigint not null default 0,
  lost numeric(38, 0) not null default 0 check (lost >= 0),
  state text not null check (state in ('requested', 'submitted', 'succeeded', 'refused', 'failed')),
  refund text unique,
  failure text,
  leased_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint refund_vat check (vat_cents between 0 and cents),
  unique (organization, idempotency_key)
);
--> statement-breakpoint
create index refund_open on refund (created_at) where state = 'requested';
--> statement-breakpoint
create index refund_payment on refund (payment_intent);
--> statement-breakpoint
create table dispute (
  id text primary key,
  organization text not null references organization (id),
  payment_intent text not null,
  cents bigint not null check (cents > 0),
  status text not null check (status in
    ('inquiry', 'prevented', 'needs-response', 'under-review', 'lost', 'won')),
  reason text not null,
  -- What has left for it, of the payment and as Stripe's fee; and the VAT within the former.
  withdrawn_cents bigint not null default 0 check (withdrawn_cents >= 0),
  fee_cents bigint not null default 0 check (fee_cents >= 0),
  vat_cents bigint not null default 0 check (vat_cents >= 0),
  moves integer not null default 0,
  evidence_due_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
--> statement-breakpoint
create index dispute_payment on dispute (payment_intent);
--> statement-breakpoint
create index dispute_organization on dispute (organization, created_at);
--> statement-breakpoint
-- Whom each movement of a dispute took from: amounts are pico-euro, below zero where they came back.
create table dispute_movement (
  dispute text not null references dispute (id),
  number integer not null,
  organization text not null,
  available numeric(38, 0) not null,
  debt numeric(38, 0) not null,
  vat numeric(38, 0) not null,
  at timestamptz not null,
  primary key (dispute, number)
);
--> statement-breakpoint
create table debt_recovery (
  organization text not null references organization (id),
  -- What came in.
  reference text not null,
  amount numeric(38, 0) not null check (amount > 0),
  at timestamptz not null,
  primary key (organization, reference)
);
--> statement-breakpoint
-- What Stripe calls the things of our catalogue: prices of plans, rates of tax.
create table stripe_catalogue (
  name text primary key,
  id text not null,
  created_at timestamptz not null
);
--> statement-breakpoint
create table plan_subscription (
  id text primary key,
  organization text not null references organization (id),
  idempotency_key text not null,
  request_digest text not null,
  subscription text unique,
  checkout text unique,
  checkout_url text,
  plan text not null,
  plan_version integer not null,
  status text not null check (status in
    ('requested', 'incomplete', 'active', 'past_due', 'ended', 'refused')),
  period_start timestamptz,
  period_end timestamptz,
  cancel_at_period_end boolean not null default false,
  changes integer not null default 0,
  failure text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (organization, idempotency_key)
);
--> statement-breakpoint
-- One at a time.
create unique index plan_subscription_one on plan_subscription (organization)
  where status in ('requested', 'incomplete', 'active', 'past_due');
--> statement-breakpoint
create table subscription_invoice (
  id text primary key,
  organization text not null references organization (id),
  plan_subscription text references plan_subscription (id),
  number text,
  -- Paid through Stripe, with VAT.
  cents bigint not null check (cents >= 0),
  vat_cents bigint not null,
  -- Included tokens, as value that the organization may spend.
  credit_cents bigint not null check (credit_cents >= 0),
  payment_intent text unique,
  charge text,
  fee_cents bigint check (fee_cents >= 0),
  period_start timestamptz not null,
  period_end timestamptz not null,
  paid_at timestamptz not null,
  constraint subscription_invoice_vat check (vat_cents between 0 and cents)
);
--> statement-breakpoint
create index subscription_invoice_without_fee on subscription_invoice (paid_at) where fee_cents is null and cents > 0;
--> statement-breakpoint
create index subscription_invoice_organization on subscription_invoice (organization, paid_at);
--> statement-breakpoint
-- How far the events of Stripe were looked through, for each of its two lists.
create table stripe_cursor (
  list text primary key check (list in ('v1', 'v2')),
  seen_until timestamptz not null,
  leased_until timestamptz,
  polled_at timestamptz,
  taken bigint not null default 0,
  failure text
);
--> statement-breakpoint
-- A promise never changes: more money is a second promise beside it, and taking it back is asking for no more work.
create sequence authorization_revocation;
--> statement-breakpoint
alter table spend_authorization
  add column extends text,
  add column revocation bigint unique,
  add column revoked_at timestamptz,
  add column revoked_by text check (revoked_by in ('organization', 'operator'));
--> statement-breakpoint
create index spend_authorization_organization on spend_authorization (organization, serial);
