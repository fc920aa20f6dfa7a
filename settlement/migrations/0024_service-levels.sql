-- What an organization is promised, from a month on: of everybody, of a plan, or of one organization. Of several for one
-- month the last counts; all are kept. Without content there is no promise from then on.
create table service_level (
  id bigint generated always as identity primary key,
  scope text not null check (scope = 'platform' or scope ~ '^plan/[a-z]+$' or scope like 'organization/%'),
  effective_from date not null check (extract(day from effective_from) = 1),
  content jsonb,
  created_by text not null,
  created_at timestamptz not null
);
--> statement-breakpoint
create index service_level_scope on service_level (scope, effective_from desc, id desc);
--> statement-breakpoint
create function service_level_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'a service level that was promised is immutable' using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
create trigger service_level_is_immutable before update or delete or truncate on service_level
  for each statement execute function service_level_is_immutable();
--> statement-breakpoint
-- How sessions went, as both sides signed it, in the hour in which they were accepted. A pace is the milliseconds from the
-- acceptance to the last receipt for each output token: each column has those above the one before, so that sums of rows
-- have exact quantiles. 'pace_more' is slower than all.
create table service_hour (
  organization text not null,
  provider text not null,
  model text not null,
  hour timestamptz not null,
  good bigint not null default 0,
  failed bigint not null default 0,
  -- Ended by the consumer, or by the terms of its order.
  ended bigint not null default 0,
  -- Without a last word: nobody can say who left.
  cut bigint not null default 0,
  pace_5 bigint not null default 0,
  pace_7 bigint not null default 0,
  pace_10 bigint not null default 0,
  pace_14 bigint not null default 0,
  pace_20 bigint not null default 0,
  pace_28 bigint not null default 0,
  pace_40 bigint not null default 0,
  pace_56 bigint not null default 0,
  pace_80 bigint not null default 0,
  pace_112 bigint not null default 0,
  pace_160 bigint not null default 0,
  pace_224 bigint not null default 0,
  pace_320 bigint not null default 0,
  pace_448 bigint not null default 0,
  pace_640 bigint not null default 0,
  pace_900 bigint not null default 0,
  pace_1280 bigint not null default 0,
  pace_2560 bigint not null default 0,
  pace_more bigint not null default 0,
  primary key (organization, hour, provider, model)
) with (fillfactor = 70);
--> statement-breakpoint
create index service_hour_provider on service_hour (provider, hour);
--> statement-breakpoint
-- Sessions that were counted as cut, and may end yet.
create table service_cut (
  session text primary key
);
--> statement-breakpoint
-- Sessions of Statements, which hold no time, whose last receipt somebody has shown since.
create table service_timing (
  session text primary key,
  organization text not null,
  signed bytea not null,
  duration_ms bigint not null check (duration_ms >= 0),
  at timestamptz not null
);
--> statement-breakpoint
-- How far the measurement is: the last receipt that it took, in the order of the transactions that booked them.
create table service_mark (
  only_one boolean primary key default true check (only_one),
  booked_by bigint not null,
  session text not null,
  sequence bigint not null
);
--> statement-breakpoint
insert into service_mark (booked_by, session, sequence) values (-1, '', 0);
--> statement-breakpoint
-- Whole hours that were announced before and do not count; of all providers where none is named.
create table maintenance_window (
  id text primary key check (id like 'mw\_%'),
  provider text,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  reason text not null,
  created_by text not null,
  created_at timestamptz not null,
  cancelled_by text,
  cancelled_at timestamptz,
  check (ends_at > starts_at),
  check ((cancelled_by is null) = (cancelled_at is null))
);
--> statement-breakpoint
create index maintenance_window_time on maintenance_window (starts_at);
--> statement-breakpoint
-- Once for an organization and a month.
create table service_judgement (
  organization text not null references organization (id),
  month date not null check (extract(day from month) = 1),
  level bigint not null references service_level (id),
  at timestamptz not null,
  primary key (organization, month)
);
--> statement-breakpoint
create table service_credit (
  id text primary key check (id like 'sc\_%'),
  organization text not null references organization (id),
  provider text not null,
  month date not null,
  good bigint not null,
  failed bigint not null,
  slow bigint not null,
  credit_bps integer not null check (credit_bps between 1 and 10000),
  -- Pico-euro: of the sessions of the month with the provider, and the platform's part of it.
  spend numeric(38, 0) not null check (spend >= 0),
  fee numeric(38, 0) not null check (fee >= 0),
  amount numeric(38, 0) not null check (amount > 0 and amount <= fee),
  -- Whether other organizations saw it too.
  corroborated boolean not null,
  state text not null check (state in ('proposed', 'posted', 'waived')),
  created_at timestamptz not null,
  -- 'service' where no operator had to be asked.
  decided_by text,
  decided_at timestamptz,
  note text,
  check ((state = 'proposed') = (decided_by is null) and (decided_by is null) = (decided_at is null)),
  unique (organization, month, provider),
  foreign key (organization, month) references service_judgement (organization, month)
);
--> statement-breakpoint
create index service_credit_state on service_credit (state, id);
--> statement-breakpoint
alter table ledger_transfer drop constraint ledger_transfer_kind_check;
--> statement-breakpoint
alter table ledger_transfer add constraint ledger_transfer_kind_check check (kind in
  ('top_up', 'vat', 'hold', 'release', 'usage', 'platform_fee', 'hold_back', 'hold_back_release', 'payout',
   'payout_reversal', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal', 'debt_recovery', 'stripe_fee',
   'subscription', 'plan_credit', 'write_off', 'adjustment', 'bank_payout', 'bank_payout_reversal', 'trial_credit',
   'service_credit')) not valid;
