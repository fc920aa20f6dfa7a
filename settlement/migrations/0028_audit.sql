-- What an event tells of is for the protocol to say, which grows: here it is a word.
alter table log_event drop constraint log_event_kind_check;
--> statement-breakpoint
alter table log_event add constraint log_event_kind_check
  check (kind ~ '^[a-z]+(-[a-z]+)*$' and length(kind) <= 40) not valid;
--> statement-breakpoint
-- Events are written about in the order of their time, so a few bytes for each range of pages find a period.
create index log_event_time on log_event using brin (at) with (pages_per_range = 16, autosummarize = on);
--> statement-breakpoint
-- Archives of evidence that somebody has asked for.
create table audit_package (
  id text primary key,
  organization text not null,
  requested_by text not null,
  period_from timestamptz not null,
  period_to timestamptz not null,
  -- Of these alone; of the whole period when empty.
  sessions text[] not null default '{}',
  -- Of a checkpoint that the reader remembers.
  since bigint check (since >= 0),
  state text not null default 'waiting' check (state in ('waiting', 'done', 'failed')),
  -- Events that are in it so far, of so many.
  done integer not null default 0 check (done >= 0),
  total integer check (total >= done),
  failure text,
  -- Sealed with the organization's key: what destroys that makes these unreadable as well.
  content bytea,
  bytes bigint,
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  attempts integer not null default 0,
  leased_until timestamptz,
  created_at timestamptz not null,
  ended_at timestamptz,
  expires_at timestamptz,
  check (period_from <= period_to),
  check ((state = 'failed') = (failure is not null)),
  check (content is null or sha256 is not null)
);
--> statement-breakpoint
create index audit_package_of_organization on audit_package (organization, created_at, id);
--> statement-breakpoint
create index audit_package_waiting on audit_package (created_at, id) where state = 'waiting';
