-- What an organization used elsewhere, a row for each logical request or for each bucket that a provider's report has. Not
-- partitioned by time: the key says that nothing counts twice, and one of a partitioned table must contain the time, under
-- which the same thing could count once more.
create table external_usage (
  organization text not null references organization (id),
  source text not null,
  id text not null,
  at timestamptz not null,
  provider text not null,
  model text not null,
  -- What another price depends on, such as 'batch'; '' is the usual one.
  tier text not null,
  -- All input with what came from a cache, all output with what was reasoning.
  input_tokens bigint not null check (input_tokens >= cached_input_tokens + cache_write_tokens),
  cached_input_tokens bigint not null check (cached_input_tokens >= 0),
  -- Of the input, written to a cache: all of it, and what is kept for an hour.
  cache_write_tokens bigint not null check (cache_write_tokens >= long_cache_write_tokens),
  long_cache_write_tokens bigint not null check (long_cache_write_tokens >= 0),
  output_tokens bigint not null check (output_tokens >= reasoning_tokens),
  reasoning_tokens bigint not null check (reasoning_tokens >= 0),
  -- Other kinds of tokens, by their names.
  other_tokens jsonb not null default '{}',
  requests bigint not null check (requests >= 0),
  -- As it was reported, never converted; both or neither.
  cost numeric,
  currency text,
  tags jsonb not null default '{}',
  key text,
  user_label text,
  -- Of all of the above: who sends an id again with something else is told.
  digest text not null,
  imported_at timestamptz not null,
  primary key (organization, source, id),
  constraint external_usage_cost check ((cost is null) = (currency is null))
);
--> statement-breakpoint
create index external_usage_organization_at on external_usage (organization, at);
--> statement-breakpoint
-- Sums for ever. A row for each combination that a price depends on, because what was not reported is rated when it is
-- asked for; and the same once more for each tag ('' is all, '=' is what has no tag). Currency '' is: no cost was reported.
create table external_usage_hourly (
  organization text not null,
  hour timestamptz not null,
  tag text not null,
  source text not null,
  provider text not null,
  model text not null,
  tier text not null,
  currency text not null,
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  cache_write_tokens bigint not null,
  long_cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost numeric not null,
  primary key (organization, tag, hour, source, provider, model, tier, currency)
) with (fillfactor = 70);
--> statement-breakpoint
create table external_usage_daily (
  organization text not null,
  day timestamptz not null,
  tag text not null,
  source text not null,
  provider text not null,
  model text not null,
  tier text not null,
  currency text not null,
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  cache_write_tokens bigint not null,
  long_cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost numeric not null,
  primary key (organization, tag, day, source, provider, model, tier, currency)
) with (fillfactor = 70);
--> statement-breakpoint
-- What another provider billed.
create table provider_bill (
  organization text not null references organization (id),
  id text not null,
  provider text not null,
  -- The number on it: the same bill comes once.
  reference text not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  currency text not null,
  digest text not null,
  actor text not null,
  at timestamptz not null,
  primary key (organization, id),
  constraint provider_bill_reference unique (organization, provider, reference),
  constraint provider_bill_period check (period_start < period_end)
);
--> statement-breakpoint
create table provider_bill_line (
  organization text not null,
  bill text not null,
  line integer not null,
  -- '' where the bill does not say for which model it is.
  model text not null,
  sku text not null,
  -- As text: the number of its decimals says how it was rounded.
  amount text not null,
  primary key (organization, bill, line),
  foreign key (organization, bill) references provider_bill (organization, id)
);
--> statement-breakpoint
-- What somebody said about the difference of a model of a bill; the last word counts, all are kept.
create table provider_bill_decision (
  id bigint generated always as identity primary key,
  organization text not null,
  bill text not null,
  model text not null,
  state text not null check (state in ('open', 'explained', 'accepted')),
  reason text not null,
  -- How far apart they were then: a difference that has changed since is open again.
  difference text not null,
  actor text not null,
  at timestamptz not null,
  foreign key (organization, bill) references provider_bill (organization, id)
);
--> statement-breakpoint
create index provider_bill_decision_bill on provider_bill_decision (organization, bill, id);
