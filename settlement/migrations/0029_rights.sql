-- On what basis an organization has its data processed, for each purpose: what stood, from when to when.
create table lawful_basis (
  organization text not null references organization (id),
  purpose text not null,
  number integer not null check (number > 0),
  basis text not null check (basis in ('consent', 'contract', 'legal-obligation', 'vital-interests', 'public-task',
    'legitimate-interests')),
  -- Of the text that it was stated to.
  version text not null,
  given_by text not null,
  given_at timestamptz not null,
  withdrawn_by text,
  withdrawn_at timestamptz,
  primary key (organization, purpose, number),
  check ((withdrawn_by is null) = (withdrawn_at is null))
);
--> statement-breakpoint
create unique index lawful_basis_standing on lawful_basis (organization, purpose) where withdrawn_at is null;
--> statement-breakpoint
-- What somebody asks about their data (GDPR, Articles 15 to 21). The steps are what happened; the row is what they add up to.
create table rights_request (
  id text primary key check (id like 'rr\_%'),
  kind text not null check (kind in ('access', 'rectification', 'erasure', 'restriction', 'objection')),
  subject_kind text not null check (subject_kind in ('person', 'organization', 'provider')),
  subject text not null,
  opened_by text not null,
  state text not null check (state in ('received', 'identified', 'in-progress', 'done', 'refused')),
  received_at timestamptz not null,
  due_at timestamptz not null,
  extended boolean not null default false,
  ended_at timestamptz,
  -- Of a restriction that was made and holds no longer.
  lifted_at timestamptz,
  reminded_at timestamptz,
  steps integer not null check (steps > 0),
  check ((ended_at is not null) = (state in ('done', 'refused')))
);
--> statement-breakpoint
create index rights_request_subject on rights_request (subject_kind, subject, received_at);
--> statement-breakpoint
create index rights_request_open on rights_request (due_at) where ended_at is null;
--> statement-breakpoint
create index rights_request_restriction on rights_request (subject)
  where kind = 'restriction' and state = 'done' and lifted_at is null;
--> statement-breakpoint
create table rights_step (
  request text not null references rights_request (id),
  number integer not null check (number > 0),
  step text not null,
  by_actor text not null,
  -- A ground of the law, where one is needed.
  ground text,
  note text check (length(note) <= 2000),
  at timestamptz not null,
  primary key (request, number)
);
--> statement-breakpoint
-- Who was erased, as a digest of the id: it says of an id that it was, and of nobody whose it was.
create table erasure (
  tombstone bytea primary key check (length(tombstone) = 32),
  -- What stood for the subject in the log.
  subject bytea not null,
  kind text not null check (kind in ('person', 'organization', 'provider')),
  -- Tables with how many rows, and why some were kept; nothing that was in them.
  report jsonb not null,
  at timestamptz not null,
  -- When what it freed was overwritten in the files of the database.
  scrubbed_at timestamptz
);
--> statement-breakpoint
create index erasure_unscrubbed on erasure (at) where scrubbed_at is null;
--> statement-breakpoint
create table data_export (
  id text primary key check (id like 'dx\_%'),
  subject_kind text not null check (subject_kind in ('person', 'organization', 'provider')),
  subject text not null,
  asked_by text not null,
  state text not null check (state in ('waiting', 'done', 'failed')),
  attempts integer not null default 0,
  leased_until timestamptz,
  -- How far it is.
  tables_done integer not null default 0,
  tables_all integer not null default 0,
  records bigint not null default 0,
  bytes bigint,
  sha256 text,
  failure text,
  created_at timestamptz not null,
  ended_at timestamptz,
  expires_at timestamptz
);
--> statement-breakpoint
create index data_export_subject on data_export (subject_kind, subject, created_at);
--> statement-breakpoint
create index data_export_waiting on data_export (created_at) where state = 'waiting';
--> statement-breakpoint
create table data_export_part (
  export text not null references data_export (id) on delete cascade,
  number integer not null check (number >= 0),
  bytes bytea not null,
  primary key (export, number)
);
--> statement-breakpoint
-- Who did what stays. From where they came is forgotten when a person is erased; what an organization called its things, when
-- the organization is.
create or replace function access_log_is_immutable() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and tg_level = 'ROW' then
    if new.address is null and (new.targets = old.targets or new.targets = '{}'::jsonb)
      and (old.id, old.organization, old.actor, old.action, old.outcome, old.at, old.request)
      is not distinct from (new.id, new.organization, new.actor, new.action, new.outcome, new.at, new.request) then
      return new;
    end if;
  end if;
  raise exception 'the access log is only ever added to' using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
-- An organization's own cards go with it, in the transaction that erases it and says so.
create or replace function rate_card_version_is_immutable() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('hanse.erasing', true) = 'on' then
    return null;
  end if;
  raise exception 'a published rate card is immutable' using errcode = 'restrict_violation';
end
$$;
