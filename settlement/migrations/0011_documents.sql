-- Finding a month in what only grows: a few pages of index however long the history.
create index ledger_transfer_at on ledger_transfer using brin (at);
--> statement-breakpoint
-- Numbers without gaps: taken by the transaction that stores the document, so one that fails leaves none.
create table document_series (
  name text primary key,
  last integer not null check (last > 0)
);
--> statement-breakpoint
-- What was said to a customer or a provider, as it was said. A mistake is corrected by another document.
create table document (
  id bigint generated always as identity primary key,
  number text not null unique,
  kind text not null check (kind in
    ('advance-invoice', 'credit-note', 'usage-statement', 'provider-statement')),
  -- Whom it is for: one of the two.
  organization text references organization (id),
  provider text references provider (peer_id),
  -- What it is about. There is one document of a kind about it, whoever asks and however often.
  subject text not null,
  corrects text references document (number),
  -- Of a month, its first day.
  month date check (extract(day from month) = 1),
  tax_point timestamptz not null,
  -- Canonical JSON.
  content bytea not null,
  sha256 bytea not null,
  issued_at timestamptz not null,
  constraint document_once unique (kind, subject),
  constraint document_party check ((organization is null) <> (provider is null)),
  constraint document_hash check (sha256 = sha256(content))
);
--> statement-breakpoint
create index document_organization on document (organization, id) where organization is not null;
--> statement-breakpoint
create index document_provider on document (provider, id) where provider is not null;
--> statement-breakpoint
create index document_tax_point on document (tax_point);
--> statement-breakpoint
create function document_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'documents are never changed: issue a credit note'
    using errcode = 'restrict_violation', constraint = 'document_is_immutable';
end
$$;
--> statement-breakpoint
create trigger document_is_immutable before update or delete or truncate on document
  for each statement execute function document_is_immutable();
--> statement-breakpoint
-- Months whose statements are all there. In their order: what is less than a cent goes from one into the next.
create table closed_month (
  month date primary key check (extract(day from month) = 1),
  closed_at timestamptz not null
);
--> statement-breakpoint
-- What providers say of themselves for the statements that we write in their name, each version as it was said. Who they
-- are is sealed with the provider's key.
create table provider_tax_profile (
  provider text not null references provider (peer_id),
  version integer not null check (version > 0),
  kind text not null check (kind in ('business', 'small-business', 'private')),
  sealed bytea not null,
  -- The terms under which we may invoice in the provider's name (Art. 224 of Directive 2006/112/EC).
  self_billing_terms text,
  at timestamptz not null,
  primary key (provider, version)
);
