-- What models cost, here and elsewhere. A version never changes and never goes: what was once compared with it can be
-- compared again.
create table rate_card_version (
  id bigint generated always as identity primary key,
  -- Whose prices: the platform's when there is none.
  organization text references organization (id),
  card text not null,
  version integer not null check (version > 0),
  publisher text not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  effective_from date not null,
  -- Not included; none is open.
  effective_to date check (effective_to > effective_from),
  retrieved date not null,
  source text not null,
  -- Whether somebody compared it with what the publisher says.
  verified boolean not null,
  models integer not null,
  -- JSON with every price as a decimal text.
  content text not null,
  published_by text not null,
  published_at timestamptz not null
);
--> statement-breakpoint
create unique index rate_card_version_number on rate_card_version (coalesce(organization, ''), card, version);
--> statement-breakpoint
create function rate_card_version_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'a published rate card is immutable' using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
create trigger rate_card_version_is_immutable before update or delete or truncate on rate_card_version
  for each statement execute function rate_card_version_is_immutable();
--> statement-breakpoint
-- Cards that are fetched again and again.
create table rate_card_feed (
  organization text references organization (id),
  card text not null,
  url text not null,
  -- Of a list of all providers, the one that is meant.
  provider text,
  -- What the server said of the last version that was taken.
  etag text,
  added_at timestamptz not null,
  tried_at timestamptz,
  -- When the server last gave a card, new or unchanged.
  succeeded_at timestamptz,
  -- Code of what went wrong the last time.
  fault text
);
--> statement-breakpoint
create unique index rate_card_feed_card on rate_card_feed (coalesce(organization, ''), card);
