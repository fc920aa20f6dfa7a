-- People who sign in. No secret is stored as it is: passwords as Argon2id, tokens and codes as SHA-256, TOTP sealed.
create table person (
  id text primary key check (id like 'per\_%'),
  email text not null unique check (email = lower(email) and length(email) <= 254),
  name text not null default '',
  password_hash text,
  email_verified_at timestamptz,
  disabled_at timestamptz,
  created_at timestamptz not null
);
--> statement-breakpoint
create table person_session (
  id text primary key,
  hash bytea not null unique check (length(hash) = 32),
  person text not null references person (id),
  created_at timestamptz not null,
  seen_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  user_agent text,
  -- When the person last proved who they are: sensitive actions need this to be fresh.
  authenticated_at timestamptz not null,
  factors text[] not null check (factors <@ array['password', 'totp', 'passkey', 'sso'] and factors <> '{}')
);
--> statement-breakpoint
create index person_session_person on person_session (person, created_at);
--> statement-breakpoint
create table member (
  organization text not null references organization (id),
  person text not null references person (id),
  role text not null check (role in ('owner', 'admin', 'developer', 'billing', 'auditor')),
  created_at timestamptz not null,
  removed_at timestamptz,
  primary key (organization, person)
);
--> statement-breakpoint
create index member_person on member (person);
--> statement-breakpoint
-- Links in mail: each works once.
create table person_token (
  hash bytea primary key check (length(hash) = 32),
  person text not null references person (id),
  purpose text not null check (purpose in ('verify', 'reset')),
  -- The address that it was sent to: it proves that one only.
  email text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
--> statement-breakpoint
create index person_token_person on person_token (person, purpose);
--> statement-breakpoint
create table person_passkey (
  id text primary key,
  person text not null references person (id),
  public_key bytea not null,
  counter bigint not null check (counter >= 0),
  transports text[] not null default '{}',
  name text not null default '',
  backed_up boolean not null,
  created_at timestamptz not null,
  used_at timestamptz
);
--> statement-breakpoint
create index person_passkey_person on person_passkey (person);
--> statement-breakpoint
-- What an authenticator is to sign; taken out by its first answer.
create table person_challenge (
  challenge text primary key,
  person text references person (id),
  expires_at timestamptz not null
);
--> statement-breakpoint
create index person_challenge_expires on person_challenge (expires_at);
--> statement-breakpoint
create table person_totp (
  person text primary key references person (id),
  sealed bytea not null,
  created_at timestamptz not null,
  confirmed_at timestamptz,
  -- Codes of this step and of those before it were used or are too old.
  last_step bigint not null default -1
);
--> statement-breakpoint
create table person_recovery_code (
  person text not null references person (id),
  hash bytea not null check (length(hash) = 32),
  created_at timestamptz not null,
  used_at timestamptz,
  primary key (person, hash)
);
--> statement-breakpoint
-- Failed attempts by whom or what they were against, so that all processes count together. The subject is a hash.
create table sign_in_attempt (
  subject bytea primary key check (length(subject) = 32),
  failures integer not null check (failures >= 0),
  last_at timestamptz not null,
  not_before timestamptz not null
);
--> statement-breakpoint
create index sign_in_attempt_last on sign_in_attempt (last_at);
--> statement-breakpoint
-- Who had the credit of a trial: once a person, once a mailbox, and a few times a domain that is not a mail provider's.
create table trial_grant (
  person text primary key references person (id),
  organization text not null unique references organization (id),
  mailbox bytea not null unique check (length(mailbox) = 32),
  domain text not null,
  place smallint check (place >= 0),
  amount numeric(38, 0) not null check (amount > 0),
  at timestamptz not null,
  unique (domain, place)
);
--> statement-breakpoint
alter table ledger_transfer drop constraint ledger_transfer_kind_check;
--> statement-breakpoint
alter table ledger_transfer add constraint ledger_transfer_kind_check check (kind in
  ('top_up', 'vat', 'hold', 'release', 'usage', 'platform_fee', 'hold_back', 'hold_back_release', 'payout',
   'payout_reversal', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal', 'debt_recovery', 'stripe_fee',
   'subscription', 'plan_credit', 'write_off', 'adjustment', 'bank_payout', 'bank_payout_reversal', 'trial_credit'));
