-- Which transaction booked a receipt. By it the roll-up of usage finds what is new and misses nothing that commits late.
alter table settled_receipt add column booked_by bigint not null default 0;
--> statement-breakpoint
alter table settled_receipt alter column booked_by set default (pg_current_xact_id()::text::bigint);
--> statement-breakpoint
create index settled_receipt_booked_by on settled_receipt (booked_by);
--> statement-breakpoint
-- What was used, for reports: derived from settled sessions, one row for each. Nobody's organization is ''. Sessions,
-- receipts and transfers themselves are not partitioned: their keys say that nothing is booked twice, and a key of a
-- partitioned table must contain the month, under which the same thing could be booked once more.
create table usage (
  organization text not null,
  session text not null,
  at timestamptz not null,
  provider text not null,
  model text not null,
  country text not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  amount numeric(38, 0) not null,
  fee numeric(38, 0) not null,
  primary key (organization, session, at)
) partition by range (at);
--> statement-breakpoint
create index usage_organization_at on usage (organization, at);
--> statement-breakpoint
create index usage_at on usage using brin (at);
--> statement-breakpoint
-- For months that nobody has made a partition for.
create table usage_default partition of usage default;
--> statement-breakpoint
-- Sums for ever: one row for each value of each dimension, not for their combinations.
create table usage_hourly (
  organization text not null,
  dimension text not null check (dimension in ('total', 'model', 'provider', 'country')),
  key text not null,
  hour timestamptz not null,
  sessions bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  amount numeric(38, 0) not null,
  fee numeric(38, 0) not null,
  primary key (organization, dimension, hour, key)
) with (fillfactor = 70);
--> statement-breakpoint
create table usage_daily (
  organization text not null,
  dimension text not null check (dimension in ('total', 'model', 'provider', 'country')),
  key text not null,
  day timestamptz not null,
  sessions bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  amount numeric(38, 0) not null,
  fee numeric(38, 0) not null,
  primary key (organization, dimension, day, key)
) with (fillfactor = 70);
--> statement-breakpoint
-- For sums over all organizations.
create index usage_hourly_time on usage_hourly (dimension, hour);
--> statement-breakpoint
create index usage_daily_time on usage_daily (dimension, day);
--> statement-breakpoint
-- How far the roll-up is: the last receipt that it took, in the order of the transactions that booked them.
create table usage_mark (
  only_one boolean primary key default true check (only_one),
  booked_by bigint not null,
  session text not null,
  sequence bigint not null,
  -- Facts of before were dropped; what is booked of such sessions yet is no longer rolled up.
  kept_from timestamptz not null
);
--> statement-breakpoint
insert into usage_mark (booked_by, session, sequence, kept_from) values (-1, '', 0, '-infinity');
