-- What sessions were good for, as whoever used them says: one verdict of each name for each session. The last word counts.
create table outcome (
  organization text not null references organization (id),
  -- By the CID of its order; it may be settled later.
  session text not null,
  name text not null,
  good boolean,
  score numeric(9, 6) check (score between 0 and 1),
  -- Pico-euro; what went wrong may have cost something.
  value numeric(38, 0),
  prompt_version text not null,
  tags text[] not null,
  at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization, name, session),
  constraint outcome_says_something check (good is not null or score is not null or value is not null)
);
--> statement-breakpoint
create index outcome_at on outcome (organization, name, at);
