-- The providers' money: who decides, what is paid out and what comes back, what is held back, what is owed to us, and
-- the comparison with what Stripe says.

-- Named operators, so that two-person rules mean two people. Of a token only the SHA-256 is kept.
create table operator (
  id text primary key,
  name text not null unique,
  prefix text not null unique,
  hash bytea not null check (length(hash) = 32),
  created_by text not null,
  created_at timestamptz not null,
  revoked_by text,
  revoked_at timestamptz
);
--> statement-breakpoint
-- Written before the action is done: nothing is done that is not written here.
create table operator_action (
  id bigint generated always as identity primary key,
  operator text not null,
  action text not null,
  path text not null,
  at timestamptz not null
);
--> statement-breakpoint
create index operator_action_operator on operator_action (operator, id);
--> statement-breakpoint
-- The bank account of the platform: what Stripe paid out to it, or took from it.
alter table ledger_account drop constraint ledger_account_kind_check;
--> statement-breakpoint
alter table ledger_account add constraint ledger_account_kind_check check (kind in
  ('stripe_clearing', 'bank', 'available', 'held', 'payable', 'held_back', 'payout_in_transit', 'revenue', 'vat',
   'stripe_fees', 'promotions', 'losses', 'debt'));
--> statement-breakpoint
alter table ledger_transfer drop constraint ledger_transfer_kind_check;
--> statement-breakpoint
alter table ledger_transfer add constraint ledger_transfer_kind_check check (kind in
  ('top_up', 'vat', 'hold', 'release', 'usage', 'platform_fee', 'hold_back', 'hold_back_release', 'payout',
   'payout_reversal', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal', 'debt_recovery', 'stripe_fee',
   'subscription', 'plan_credit', 'write_off', 'adjustment', 'bank_payout', 'bank_payout_reversal'));
--> statement-breakpoint
-- What reached a provider other than by usage: with the account's rollup it gives what the provider has earned, without
-- a walk over its sessions.
create index ledger_transfer_returned on ledger_transfer (credit)
  where kind <> 'usage' and starts_with(credit, 'payable/');
--> statement-breakpoint
create table adjustment (
  id text primary key,
  kind text not null check (kind in ('adjustment', 'write_off')),
  debit text not null,
  credit text not null,
  amount numeric(38, 0) not null check (amount > 0),
  reason text not null,
  -- The movement at Stripe that it books, if it books one.
  movement text unique,
  state text not null check (state in ('proposed', 'posted', 'rejected', 'expired')),
  proposed_by text not null,
  proposed_at timestamptz not null,
  expires_at timestamptz not null,
  decided_by text,
  decided_at timestamptz,
  note text,
  check (debit <> credit),
  constraint adjustment_two_people check (state <> 'posted' or (decided_by is not null and decided_by <> proposed_by))
);
--> statement-breakpoint
create index adjustment_open on adjustment (expires_at) where state = 'proposed';
--> statement-breakpoint
-- Who closes the account at Stripe, or takes it from us, may be given another one.
alter table provider add column former_account text;
--> statement-breakpoint
create table payout_run (
  id text primary key,
  state text not null check (state in ('gathered', 'approved', 'executing', 'done', 'cancelled')),
  payouts integer not null check (payouts > 0),
  cents bigint not null check (cents > 0),
  gathered_by text not null,
  gathered_at timestamptz not null,
  -- null while it waits; `system` when it was small enough to need nobody.
  decided_by text,
  decided_at timestamptz,
  done_at timestamptz,
  constraint payout_run_two_people check (decided_by is null or state = 'cancelled' or decided_by <> gathered_by
    or decided_by = 'system')
);
--> statement-breakpoint
create index payout_run_open on payout_run (gathered_at) where state in ('gathered', 'approved', 'executing');
--> statement-breakpoint
-- A payout without a run is of before there were runs.
alter table payout
  add column run text references payout_run (id),
  add column reversed_cents bigint not null default 0,
  add column settled_at timestamptz,
  add constraint payout_reversed check (reversed_cents between 0 and cents and (reversed_cents = 0 or state = 'paid'));
--> statement-breakpoint
create index payout_run_member on payout (run, id);
--> statement-breakpoint
create index payout_settled on payout (settled_at);
--> statement-breakpoint
create table payout_hold (
  id text primary key,
  provider text not null references provider (peer_id),
  reason text not null,
  placed_by text not null,
  placed_at timestamptz not null,
  released_by text,
  released_at timestamptz
);
--> statement-breakpoint
create unique index payout_hold_one on payout_hold (provider) where released_at is null;
--> statement-breakpoint
create table payout_reversal (
  id text primary key,
  payout text not null references payout (id),
  cents bigint not null check (cents > 0),
  state text not null check (state in ('submitted', 'done', 'failed')),
  -- Stripe's id.
  reversal text unique,
  reason text not null,
  failure text,
  asked_by text not null,
  idempotency_key text unique,
  created_at timestamptz not null,
  settled_at timestamptz,
  check (state <> 'done' or reversal is not null)
);
--> statement-breakpoint
create index payout_reversal_payout on payout_reversal (payout);
--> statement-breakpoint
create index payout_reversal_open on payout_reversal (created_at) where state = 'submitted';
--> statement-breakpoint
-- What Stripe pays from a provider's account to its bank: not our money, told to the provider.
create table bank_payout (
  id text primary key,
  provider text not null references provider (peer_id),
  cents bigint not null,
  state text not null,
  failure text,
  arrives_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
--> statement-breakpoint
create index bank_payout_provider on bank_payout (provider, created_at);
--> statement-breakpoint
-- How much of a provider's earnings the schedule of holding back has seen.
create table provider_earnings (
  provider text primary key references provider (peer_id),
  earned numeric(38, 0) not null check (earned >= 0),
  since timestamptz not null
) with (fillfactor = 70);
--> statement-breakpoint
create table held_earnings (
  id text primary key,
  provider text not null references provider (peer_id),
  amount numeric(38, 0) not null check (amount > 0),
  share_bps integer not null check (share_bps between 1 and 10000),
  days integer not null check (days > 0),
  earned_on date not null,
  free_at timestamptz not null,
  released_at timestamptz
);
--> statement-breakpoint
create index held_earnings_open on held_earnings (free_at) where released_at is null;
--> statement-breakpoint
create index held_earnings_provider on held_earnings (provider, free_at);
--> statement-breakpoint
-- Kept from payable, against what the provider owes.
create table provider_debt_recovery (
  id text primary key,
  provider text not null references provider (peer_id),
  amount numeric(38, 0) not null check (amount > 0),
  at timestamptz not null
);
--> statement-breakpoint
create index provider_debt_recovery_provider on provider_debt_recovery (provider, at);
--> statement-breakpoint
-- Every movement on the platform's balance at Stripe, as Stripe tells it.
create table stripe_movement (
  id text primary key,
  -- What it belongs to, by which it finds its posting: a payment, or the object that moved the money.
  key text not null,
  type text not null,
  category text not null,
  operation text,
  amount_cents bigint not null,
  fee_cents bigint not null,
  net_cents bigint not null,
  created_at timestamptz not null,
  available_on timestamptz not null,
  -- Booked by the reconciliation itself: money between Stripe and the bank.
  booked_at timestamptz
);
--> statement-breakpoint
create index stripe_movement_created on stripe_movement (created_at);
--> statement-breakpoint
create index stripe_movement_key on stripe_movement (key);
--> statement-breakpoint
create table reconciliation (
  id text primary key,
  whole boolean not null,
  since timestamptz not null,
  until timestamptz not null,
  asked_by text not null,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  movements integer not null,
  open integer not null,
  explained integer not null,
  ledger_cents bigint not null,
  stripe_cents bigint not null,
  -- Not while money moved all the time.
  balance_compared boolean not null
);
--> statement-breakpoint
create index reconciliation_finished on reconciliation (finished_at);
--> statement-breakpoint
create table reconciliation_difference (
  id text primary key,
  side text not null check (side in ('receipts-ledger', 'ledger-stripe')),
  subject text not null,
  expected text not null,
  actual text not null,
  reason text not null,
  state text not null check (state in ('open', 'explained', 'resolved')),
  note text,
  resolved_by text,
  first_seen text not null references reconciliation (id),
  last_seen text not null references reconciliation (id),
  at timestamptz not null,
  updated_at timestamptz not null,
  unique (side, subject)
);
--> statement-breakpoint
create index reconciliation_difference_open on reconciliation_difference (at) where state <> 'resolved';
