-- What the retention job has removed, or would have: counts and times, never what was in the rows.
create table retention_run (
  id bigint generated always as identity primary key,
  asked_by text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  report jsonb not null default '[]'
);
--> statement-breakpoint
-- Nothing that one of these names is removed by age while it stands.
create table legal_hold (
  id text primary key,
  scope text not null check (scope in ('everything', 'class', 'organization', 'person', 'provider')),
  -- A class of data, or an id; empty of everything.
  subject text not null check ((scope = 'everything') = (subject = '')),
  reason text not null,
  placed_by text not null,
  placed_at timestamptz not null,
  released_by text,
  released_at timestamptz,
  constraint legal_hold_released check ((released_by is null) = (released_at is null))
);
--> statement-breakpoint
create unique index legal_hold_open on legal_hold (scope, subject) where released_at is null;
--> statement-breakpoint
-- Rows of tables that are only ever added to may go when they are older than what this transaction was told, and only then.
create function retention_may_remove(at timestamptz) returns boolean language sql stable as $$
  select coalesce(at < nullif(current_setting('hanse.retention_before', true), '')::timestamptz, false)
$$;
--> statement-breakpoint
create function access_log_goes_by_age() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and tg_level = 'ROW' then
    if retention_may_remove(old.at) then
      return old;
    end if;
  end if;
  raise exception 'the access log is only ever added to' using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
drop trigger access_log_is_immutable on access_log;
--> statement-breakpoint
create trigger access_log_is_immutable before truncate on access_log
  for each statement execute function access_log_goes_by_age();
--> statement-breakpoint
create trigger access_log_goes_by_age before delete on access_log
  for each row execute function access_log_goes_by_age();
--> statement-breakpoint
create function document_goes_by_age() returns trigger language plpgsql as $$
begin
  if retention_may_remove(old.issued_at) then
    return old;
  end if;
  raise exception 'documents are never changed: issue a credit note'
    using errcode = 'restrict_violation', constraint = 'document_is_immutable';
end
$$;
--> statement-breakpoint
drop trigger document_is_immutable on document;
--> statement-breakpoint
create trigger document_is_immutable before update or truncate on document
  for each statement execute function document_is_immutable();
--> statement-breakpoint
create trigger document_goes_by_age before delete on document
  for each row execute function document_goes_by_age();
--> statement-breakpoint
create index access_log_at on access_log using brin (at);
--> statement-breakpoint
-- A breach of personal data, as the steps that were taken: what it is now is derived from them. Two who take the same step
-- of a breach at once want the same number, and one of them looks again.
create table breach_step (
  breach text not null check (breach like 'br\_%'),
  number integer not null check (number > 0),
  by_operator text not null,
  step jsonb not null,
  at timestamptz not null,
  primary key (breach, number)
);
--> statement-breakpoint
create function breach_step_is_immutable() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and tg_level = 'ROW' then
    if retention_may_remove(old.at) then
      return old;
    end if;
  end if;
  raise exception 'what was done about a breach is only ever added to' using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
create trigger breach_step_is_immutable before update or truncate on breach_step
  for each statement execute function breach_step_is_immutable();
--> statement-breakpoint
create trigger breach_step_goes_by_age before delete on breach_step
  for each row execute function breach_step_is_immutable();
--> statement-breakpoint
-- What a provider says of itself as a trader, each version as it was said, sealed with the provider's key.
create table trader_declaration (
  provider text not null references provider (peer_id),
  version integer not null check (version > 0),
  sealed bytea not null,
  -- The terms under which it certifies that it offers only what complies with Union law (Art. 30 (1) (e) DSA).
  certified text not null,
  at timestamptz not null,
  primary key (provider, version)
);
--> statement-breakpoint
-- What an operator made of a version: each is looked at by itself.
create table trader_review (
  provider text not null,
  version integer not null,
  outcome text not null check (outcome in ('verified', 'refused')),
  -- Where the proof is, or what was wrong.
  reference text not null,
  by_operator text not null,
  at timestamptz not null,
  primary key (provider, version, at),
  foreign key (provider, version) references trader_declaration (provider, version)
);
--> statement-breakpoint
-- When a provider was first asked who it is: its time to say so begins here.
alter table provider add column trader_asked_at timestamptz;
--> statement-breakpoint
-- Nothing is paid to who has not said who it is; what it earns is booked as ever.
create table trader_suspension (
  provider text not null references provider (peer_id),
  suspended_at timestamptz not null,
  -- What was missing.
  missing text[] not null,
  lifted_at timestamptz,
  primary key (provider, suspended_at)
);
--> statement-breakpoint
create unique index trader_suspension_open on trader_suspension (provider) where lifted_at is null;
