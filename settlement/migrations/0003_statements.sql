-- Both sides' word on many sessions at once. Its lines stay beside it: each session is proved by its path in them.
create table settled_statement (
  cid text primary key,
  authorization_serial bigint not null references spend_authorization (serial),
  lane bigint not null check (lane >= 0),
  sequence bigint not null check (sequence >= 0),
  sessions integer not null check (sessions > 0),
  -- Cumulative over the lane, as both sides signed it.
  amount numeric(38, 0) not null check (amount >= 0),
  signed bytea not null,
  lines bytea not null,
  at timestamptz not null,
  constraint settled_statement_seat unique (authorization_serial, lane, sequence)
);
--> statement-breakpoint
-- Evidence: a second statement that both sides signed under a number of a lane that is taken.
create table statement_conflict (
  authorization_serial bigint not null references spend_authorization (serial),
  lane bigint not null,
  sequence bigint not null,
  cid text not null,
  signed bytea not null,
  at timestamptz not null,
  primary key (authorization_serial, lane, sequence, cid)
);
--> statement-breakpoint
-- A session that came as a line of a statement has no records of its own here.
alter table settled_session
  alter column signed_order drop not null,
  alter column signed_acceptance drop not null,
  add column statement text references settled_statement (cid),
  -- A line names an order that nobody has shown, so two pairs may name the same one. The second pair's session then has a
  -- key of its own, and this is the order.
  add column order_cid text,
  add constraint settled_session_evidence check
    (statement is not null or (signed_order is not null and signed_acceptance is not null));
--> statement-breakpoint
create index settled_session_order on settled_session (order_cid) where order_cid is not null;
--> statement-breakpoint
alter table settled_receipt
  alter column signed drop not null,
  add column statement text references settled_statement (cid),
  add constraint settled_receipt_evidence check (statement is not null or signed is not null);
--> statement-breakpoint
-- What contradicts may be a line of a statement that was refused as a whole or in part: no reference.
alter table receipt_conflict
  alter column signed drop not null,
  add column statement text,
  add constraint receipt_conflict_evidence check (statement is not null or signed is not null);
