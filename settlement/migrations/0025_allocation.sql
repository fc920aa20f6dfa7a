-- What the authorizations are for that a key asks for, besides what is said with each.
alter table api_key add column tags text[] not null default '{}';
--> statement-breakpoint
-- On whose behalf an organization spends: the key that asked for the money, who answers for the key, and the tags, in one
-- number. Never changes and never goes: what was spent under it stays what it was.
create table usage_spender (
  organization text not null,
  id bigint generated always as identity,
  -- Of all of the following: tags are longer than an index takes.
  digest text not null,
  -- Empty where a person asked; the prefix otherwise.
  key text not null,
  -- Id of a person, or empty.
  member text not null,
  tags text[] not null,
  created_at timestamptz not null,
  primary key (organization, id),
  unique (organization, digest)
);
--> statement-breakpoint
-- None for authorizations of before, and where nothing is known.
alter table spend_authorization add column spender bigint;
--> statement-breakpoint
alter table usage add column spender bigint not null default 0;
--> statement-breakpoint
-- A row is only there for what is known of: the rest is the total less these. 'tagged' is what has any tag, once.
alter table usage_hourly drop constraint usage_hourly_dimension_check;
--> statement-breakpoint
alter table usage_hourly add constraint usage_hourly_dimension_check
  check (dimension in ('total', 'model', 'provider', 'country', 'key', 'member', 'tag', 'tagged')) not valid;
--> statement-breakpoint
alter table usage_daily drop constraint usage_daily_dimension_check;
--> statement-breakpoint
alter table usage_daily add constraint usage_daily_dimension_check
  check (dimension in ('total', 'model', 'provider', 'country', 'key', 'member', 'tag', 'tagged')) not valid;
--> statement-breakpoint
-- For questions about several of these at once, and for allocation: each session in one row.
create table usage_spender_hourly (
  organization text not null,
  spender bigint not null,
  model text not null,
  hour timestamptz not null,
  sessions bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  amount numeric(38, 0) not null,
  fee numeric(38, 0) not null,
  primary key (organization, hour, spender, model)
) with (fillfactor = 70);
--> statement-breakpoint
create table usage_spender_daily (
  organization text not null,
  spender bigint not null,
  model text not null,
  day timestamptz not null,
  sessions bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  amount numeric(38, 0) not null,
  fee numeric(38, 0) not null,
  primary key (organization, day, spender, model)
) with (fillfactor = 70);
--> statement-breakpoint
-- Which cost centre bears what, from a month on. Of several for one month the last counts; all are kept.
create table allocation_plan (
  organization text not null references organization (id),
  version integer not null check (version > 0),
  effective_from date not null check (extract(day from effective_from) = 1),
  document jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  primary key (organization, version)
);
--> statement-breakpoint
-- Files that are made again and again.
create table export_schedule (
  id text primary key check (id like 'exs\_%'),
  organization text not null references organization (id),
  name text not null check (length(name) between 1 and 100),
  content text not null check (content in ('usage', 'focus', 'showback')),
  format text not null check (format in ('csv', 'jsonl', 'json')),
  every text not null check (every in ('day', 'week', 'month')),
  keep_days integer not null check (keep_days between 1 and 400),
  -- Where files are put, besides here: an address with its secrets, sealed; the hint is what may be shown.
  sealed bytea,
  hint text,
  -- The end of the last period that a run was made for.
  planned_to timestamptz not null,
  created_by text not null,
  created_at timestamptz not null,
  removed_at timestamptz
);
--> statement-breakpoint
create index export_schedule_organization on export_schedule (organization, created_at) where removed_at is null;
--> statement-breakpoint
create table export_run (
  id text primary key check (id like 'exr\_%'),
  schedule text not null references export_schedule (id),
  organization text not null references organization (id),
  period_from timestamptz not null,
  period_to timestamptz not null,
  state text not null check (state in ('waiting', 'done', 'failed')),
  attempts integer not null default 0,
  due_at timestamptz not null,
  leased_until timestamptz,
  failure text,
  file_name text,
  bytes bigint,
  sha256 text,
  -- Null once it has been there long enough.
  content bytea,
  expires_at timestamptz,
  created_at timestamptz not null,
  ended_at timestamptz,
  -- Once for a period, however many processes there are.
  unique (schedule, period_from)
);
--> statement-breakpoint
-- Files are compressed when they come.
alter table export_run alter column content set storage external;
--> statement-breakpoint
create index export_run_due on export_run (due_at) where state = 'waiting';
--> statement-breakpoint
create index export_run_organization on export_run (organization, created_at);
--> statement-breakpoint
create index export_run_expires on export_run (expires_at) where content is not null;
