-- The last forecast of an organization's spend: made anew when a day has passed or the days behind it have changed.
create table spend_forecast (
  organization text primary key references organization (id),
  day date not null,
  revision text not null,
  content jsonb not null,
  made_at timestamptz not null
);
--> statement-breakpoint
-- Days that were unlike what was expected of them, one for a day and direction; amounts in pico-euro.
create table spend_anomaly (
  id bigint generated always as identity primary key,
  organization text not null references organization (id),
  day date not null,
  direction text not null check (direction in ('up', 'down')),
  severity text not null check (severity in ('info', 'warning', 'urgent')),
  -- When less than the whole day was compared: its first hours.
  hours integer not null check (hours between 1 and 24),
  expected numeric(38, 0) not null,
  lower numeric(38, 0) not null,
  upper numeric(38, 0) not null,
  actual numeric(38, 0) not null,
  score float8 not null,
  explanation jsonb not null,
  found_at timestamptz not null,
  acknowledged_at timestamptz,
  acknowledged_by text,
  reason text,
  check ((acknowledged_at is null) = (reason is null)),
  unique (organization, day, direction)
);
--> statement-breakpoint
create index spend_anomaly_owner on spend_anomaly (organization, id);
