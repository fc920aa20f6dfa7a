-- What happened that somebody may want to be told: written by what caused it, in its transaction. An organization's, or the
-- platform's own when there is none.
create table notification_event (
  id bigint generated always as identity primary key,
  organization text references organization (id),
  kind text not null,
  severity text not null check (severity in ('info', 'warning', 'urgent')),
  -- What it is about, and what made it: the same cause is told once.
  subject text not null,
  cause text not null,
  facts jsonb not null,
  at timestamptz not null,
  -- When it was made into deliveries.
  dispatched_at timestamptz
);
--> statement-breakpoint
create unique index notification_event_cause on notification_event (coalesce(organization, ''), kind, cause);
--> statement-breakpoint
create index notification_event_owner on notification_event (organization, id);
--> statement-breakpoint
create index notification_event_waiting on notification_event (id) where dispatched_at is null;
--> statement-breakpoint
create table notification_channel (
  id text primary key,
  organization text references organization (id),
  kind text not null check (kind in ('email', 'webhook', 'slack')),
  name text not null,
  -- Address and secrets, sealed with the owner's key: destroying that key erases them. The hint is what may be shown.
  sealed bytea not null,
  hint text not null,
  state text not null check (state in ('unconfirmed', 'active', 'disabled')),
  reason text,
  -- Messages that were given up since one arrived.
  failures integer not null default 0,
  -- Messages in any hour, at most.
  hourly_max integer not null check (hourly_max > 0),
  asked_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
--> statement-breakpoint
create index notification_channel_owner on notification_channel (organization, id);
--> statement-breakpoint
create table notification_subscription (
  id text primary key,
  channel text not null references notification_channel (id) on delete cascade,
  -- None is all.
  kinds text[] not null,
  severity text not null check (severity in ('info', 'warning', 'urgent')),
  pace text not null check (pace in ('immediately', 'hourly', 'daily')),
  time_zone text not null,
  -- Minutes after midnight, by the clock of the time zone.
  daily_at integer not null check (daily_at between 0 and 1439),
  quiet_from integer check (quiet_from between 0 and 1439),
  quiet_until integer check (quiet_until between 0 and 1439),
  urgent_overrides boolean not null,
  repeat_ms bigint not null check (repeat_ms >= 0),
  created_at timestamptz not null,
  constraint notification_quiet check ((quiet_from is null) = (quiet_until is null))
);
--> statement-breakpoint
create index notification_subscription_channel on notification_subscription (channel);
--> statement-breakpoint
-- When a subscription was last told of a topic: within its window the same is not told again.
create table notification_topic (
  subscription text not null references notification_subscription (id) on delete cascade,
  topic text not null,
  told_at timestamptz not null,
  primary key (subscription, topic)
);
--> statement-breakpoint
create index notification_topic_told on notification_topic (told_at);
--> statement-breakpoint
create table notification_delivery (
  -- Stable over all tries: receivers tell repeats by it.
  id text primary key,
  channel text not null references notification_channel (id) on delete cascade,
  subscription text references notification_subscription (id) on delete set null,
  -- Of several events, gathered until it is due.
  digest boolean not null,
  state text not null check (state in ('waiting', 'delivered', 'dead')),
  attempts integer not null default 0,
  due_at timestamptz not null,
  attempted_at timestamptz,
  leased_until timestamptz,
  failure text,
  status integer,
  created_at timestamptz not null,
  ended_at timestamptz
);
--> statement-breakpoint
create unique index notification_delivery_digest on notification_delivery (subscription, due_at)
  where digest and state = 'waiting' and attempts = 0;
--> statement-breakpoint
create index notification_delivery_due on notification_delivery (due_at) where state = 'waiting';
--> statement-breakpoint
create index notification_delivery_channel on notification_delivery (channel, attempted_at);
--> statement-breakpoint
create index notification_delivery_ended on notification_delivery (ended_at) where state <> 'waiting';
--> statement-breakpoint
create table notification_delivery_event (
  delivery text not null references notification_delivery (id) on delete cascade,
  event bigint not null references notification_event (id) on delete cascade,
  primary key (delivery, event)
);
--> statement-breakpoint
create index notification_delivery_event_event on notification_delivery_event (event);
