-- What consumers' nodes say of their own sessions: whom they were for, and how long they took. The payer's alone; no
-- provider is shown any of it.
create table session_note (
  organization text not null,
  session text not null,
  tags text[] not null,
  -- Empty where the gateway does not tell it.
  end_user text not null,
  -- By the consumer's clock, milliseconds.
  first_ms bigint check (first_ms >= 0),
  total_ms bigint check (total_ms >= 0),
  -- From the acceptance to the last receipt, which was shown, of a session that came by a Statement.
  duration_ms bigint check (duration_ms >= 0),
  -- On whose behalf it was: who asked for the money, with these tags besides. Null until the sums know of it.
  spender bigint,
  at timestamptz not null,
  taken_at timestamptz,
  primary key (organization, session)
);
--> statement-breakpoint
create index session_note_waiting on session_note (at) where taken_at is null;
--> statement-breakpoint
create index session_note_at on session_note using brin (at);
--> statement-breakpoint
-- How long answers took, as consumers saw it: for each bound, in milliseconds, those above the one before. -1 is more than all.
create table latency_hour (
  organization text not null,
  provider text not null,
  model text not null,
  hour timestamptz not null,
  measure text not null check (measure in ('first', 'total')),
  bound integer not null,
  answers bigint not null,
  primary key (organization, hour, provider, model, measure, bound)
) with (fillfactor = 70);
--> statement-breakpoint
create index latency_hour_provider on latency_hour (provider, hour);
--> statement-breakpoint
-- A time that comes with a note is proved by the receipt's hash, which the Statement holds: its bytes need not be kept.
alter table service_timing alter column signed drop not null;
