-- Who may do what. Operators of before may do everything, as they could.
alter table operator add column role text not null default 'operator'
  check (role in ('operator', 'support', 'platform-auditor'));
--> statement-breakpoint
-- A key with a role does no more than a member of that role, whatever its scopes say. Keys of before have their scopes only.
alter table api_key
  add column role text check (role in ('owner', 'admin', 'developer', 'billing', 'auditor')),
  add column created_by text,
  add column expires_at timestamptz,
  add column requests_per_minute integer check (requests_per_minute between 1 and 1000000);
--> statement-breakpoint
-- How often a key was used in this minute, for all processes together. It is written at each request: room for new versions.
create table api_key_rate (
  prefix text primary key references api_key (prefix),
  minute bigint not null,
  requests integer not null check (requests > 0)
) with (fillfactor = 50);
--> statement-breakpoint
-- Who changed what, signed in or was refused; never what was sent.
create table access_log (
  id bigint generated always as identity primary key,
  -- Null where it is the platform's.
  organization text references organization (id),
  actor text not null check (length(actor) between 1 and 200),
  -- Method and pattern of the route, or the name of an event.
  action text not null check (length(action) between 1 and 200),
  targets jsonb not null,
  -- The status of the answer, or 'ok' and 'refused' of an event.
  outcome text not null check (length(outcome) <= 40),
  address text check (length(address) <= 64),
  at timestamptz not null
);
--> statement-breakpoint
create index access_log_organization on access_log (organization, id);
--> statement-breakpoint
create function access_log_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'the access log is only ever added to' using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
create trigger access_log_is_immutable before update or delete or truncate on access_log
for each statement execute function access_log_is_immutable();
--> statement-breakpoint
create table invitation (
  id text primary key check (id like 'inv\_%'),
  organization text not null references organization (id),
  email text not null check (email = lower(email) and length(email) <= 254),
  role text not null check (role in ('owner', 'admin', 'developer', 'billing', 'auditor')),
  hash bytea not null unique check (length(hash) = 32),
  invited_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  sent integer not null default 1 check (sent > 0),
  accepted_by text references person (id),
  accepted_at timestamptz,
  revoked_at timestamptz
);
--> statement-breakpoint
create unique index invitation_open on invitation (organization, email)
where accepted_at is null and revoked_at is null;
--> statement-breakpoint
create index invitation_organization on invitation (organization, created_at);
--> statement-breakpoint
-- Where an organization's people sign in. The client's secret is sealed under a key that is not in the database.
create table sso_connection (
  organization text primary key references organization (id),
  issuer text not null check (length(issuer) <= 500),
  client_id text not null check (length(client_id) <= 500),
  secret_sealed bytea not null,
  default_role text not null check (default_role in ('admin', 'developer', 'billing', 'auditor')),
  enforced boolean not null default false,
  updated_at timestamptz not null
);
--> statement-breakpoint
create table sso_domain (
  organization text not null references organization (id),
  domain text not null check (domain = lower(domain) and length(domain) <= 253),
  token text not null,
  created_at timestamptz not null,
  verified_at timestamptz,
  primary key (organization, domain)
);
--> statement-breakpoint
-- A domain speaks for one organization.
create unique index sso_domain_verified on sso_domain (domain) where verified_at is not null;
--> statement-breakpoint
-- A sign-in that is under way at an issuer; taken out by the first that comes back.
create table sso_sign_in (
  state bytea primary key check (length(state) = 32),
  organization text not null references organization (id),
  issuer text not null,
  client_id text not null,
  -- The browser that began it has a cookie with this hash.
  browser bytea not null check (length(browser) = 32),
  nonce text not null,
  verifier text not null,
  expires_at timestamptz not null
);
--> statement-breakpoint
create index sso_sign_in_expires on sso_sign_in (expires_at);
--> statement-breakpoint
-- Whom an issuer means: addresses move from one person to another, subjects do not.
create table sso_identity (
  organization text not null references organization (id),
  issuer text not null,
  subject text not null check (length(subject) <= 255),
  person text not null references person (id),
  created_at timestamptz not null,
  primary key (organization, issuer, subject)
);
--> statement-breakpoint
-- Through which organization's issuer a session came.
create table sso_session (
  session text primary key references person_session (id) on delete cascade,
  organization text not null references organization (id)
);
--> statement-breakpoint
create table scim_token (
  organization text primary key references organization (id),
  hash bytea not null unique check (length(hash) = 32),
  created_at timestamptz not null
);
--> statement-breakpoint
-- A person as the directory of an organization has them.
create table scim_user (
  organization text not null references organization (id),
  person text not null references person (id),
  external_id text check (length(external_id) <= 255),
  active boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization, person)
);
