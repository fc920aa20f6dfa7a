-- Which Stripe these books belong to, once and for all: the ids in them mean nothing to another one.
create table stripe_identity (
  single boolean primary key default true check (single),
  -- Of the platform at Stripe; 'double' on the double.
  account text not null,
  mode text not null check (mode in ('double', 'test', 'live')),
  at timestamptz not null
);
