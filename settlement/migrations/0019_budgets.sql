-- What an organization rules for its spending. The revision grows with every change, by which gateways wait for the next.
create table spending_rules (
  organization text primary key references organization (id),
  time_zone text not null default 'UTC',
  revision bigint not null default 1,
  -- The policy that counts; none when null.
  policy_version integer
);
--> statement-breakpoint
create table team (
  organization text not null references organization (id),
  name text not null check (length(name) between 1 and 64),
  -- Names or ids of keys of the organization's gateways.
  keys text[] not null,
  updated_at timestamptz not null,
  primary key (organization, name)
);
--> statement-breakpoint
create table budget (
  id text primary key check (id like 'bud\_%'),
  organization text not null references organization (id),
  -- Scope, amount, window, thresholds: see budgetTermsSchema.
  terms jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  removed_at timestamptz
);
--> statement-breakpoint
create index budget_organization on budget (organization) where removed_at is null;
--> statement-breakpoint
-- Thresholds that were passed, once in each window.
create table budget_crossing (
  budget text not null references budget (id),
  window_from timestamptz not null,
  measure text not null check (measure in ('spent', 'forecast')),
  percent integer not null,
  action text not null check (action in ('notify', 'slow', 'stop')),
  window_to timestamptz not null,
  spent numeric(38, 0) not null,
  at timestamptz not null,
  primary key (budget, window_from, measure, percent)
);
--> statement-breakpoint
-- What gateways say was spent, and is set aside, of budgets that only they can count.
create table budget_report (
  budget text not null references budget (id),
  gateway text not null,
  window_from timestamptz not null,
  spent numeric(38, 0) not null check (spent >= 0),
  held numeric(38, 0) not null check (held >= 0),
  at timestamptz not null,
  primary key (budget, window_from, gateway)
);
--> statement-breakpoint
create table policy_version (
  organization text not null references organization (id),
  version integer not null,
  -- As it was sent, and as it is judged by.
  source text not null,
  format text not null check (format in ('toml', 'json')),
  document jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  primary key (organization, version)
);
--> statement-breakpoint
-- Whom an authorization is for, where whoever asked said so: JSON of key, team and tags.
alter table spend_authorization add column attribution text;
--> statement-breakpoint
-- A budget's window is summed from these, each time.
create index spend_authorization_issued on spend_authorization (organization, issued_at);
