-- Of a party and a year in which documents were issued one key, which law wants kept longer than the party. It is no part of
-- a backup. Three states, of which none leads back: open; for duties alone, when the party was erased; destroyed.
create table document_key (
  id bytea primary key check (length(id) = 16),
  -- Whose documents it opens: one of the two, until it is destroyed.
  organization text,
  provider text,
  -- UTC, in which they were issued: the period of the law begins with its end.
  year integer not null,
  key bytea check (length(key) = 32),
  -- The key, in a box that only the operator's duty key opens, and which one that is.
  boxed bytea,
  duty bytea check (length(duty) = 32),
  created_at timestamptz not null,
  restricted_at timestamptz,
  destroyed_at timestamptz,
  constraint document_key_state check (case
    when destroyed_at is not null then key is null and boxed is null and organization is null and provider is null
    else (key is null) = (boxed is not null) and (boxed is null) = (duty is null)
      and (organization is null) <> (provider is null) and (boxed is null or restricted_at is not null) end)
);
--> statement-breakpoint
create unique index document_key_organization on document_key (organization, year) where restricted_at is null;
--> statement-breakpoint
create unique index document_key_provider on document_key (provider, year) where restricted_at is null;
--> statement-breakpoint
create index document_key_of_organization on document_key (organization) where organization is not null;
--> statement-breakpoint
create index document_key_of_provider on document_key (provider) where provider is not null;
--> statement-breakpoint
-- `content` is what a release before this one writes and reads. Sealed, it is empty.
alter table document
  -- What names nobody: amounts, tax, lines. Canonical JSON as well.
  add column figures bytea,
  add column sealed bytea,
  -- No reference: a key is restored from elsewhere, and may be destroyed.
  add column sealed_by bytea,
  alter column content drop not null,
  add constraint document_form check ((content is null) = (sealed is not null)
    and (sealed is null) = (sealed_by is null) and (sealed is null) = (figures is null));
--> statement-breakpoint
create index document_clear on document (id) where content is not null;
--> statement-breakpoint
create index document_sealed_by on document (sealed_by) where sealed_by is not null;
--> statement-breakpoint
-- The one change of a document: what it says goes from the clear into the seal. Everything else is as it was.
create function document_is_only_sealed() returns trigger language plpgsql as $$
begin
  if old.content is not null and new.content is null and new.sealed is not null and old.sealed is null
    and to_jsonb(new) - array['content', 'figures', 'sealed', 'sealed_by']
      = to_jsonb(old) - array['content', 'figures', 'sealed', 'sealed_by'] then
    return new;
  end if;
  raise exception 'documents are never changed: issue a credit note'
    using errcode = 'restrict_violation', constraint = 'document_is_immutable';
end
$$;
--> statement-breakpoint
drop trigger document_is_immutable on document;
--> statement-breakpoint
create trigger document_is_immutable before update on document
  for each row execute function document_is_only_sealed();
--> statement-breakpoint
create trigger document_is_kept before truncate on document
  for each statement execute function document_is_immutable();
--> statement-breakpoint
-- From when on documents are sealed. Processes of a release that reads `content` alone may still run beside this one on a
-- database that is used: they have a day to end.
create table document_sealing (
  only_one boolean primary key default true check (only_one),
  since timestamptz not null,
  -- When the files were written anew after the last one was sealed; null while that is to be done.
  swept_at timestamptz
);
--> statement-breakpoint
insert into document_sealing (since, swept_at)
  select case when is_used then now() + interval '1 day' else now() end, case when is_used then null else now() end
  from (select exists (select from log_event) or exists (select from document) as is_used) u;
--> statement-breakpoint
-- That a document was issued is told once.
create unique index log_event_document on log_event (record) where kind = 'document-issued';
