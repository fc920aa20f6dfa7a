-- What both sides signed twice under one number is not for this service to decide: the session, or the lane of Statements,
-- stands still until the operator has.
alter table settled_session add column frozen_at timestamptz;
--> statement-breakpoint
create index settled_session_frozen on settled_session (frozen_at) where frozen_at is not null;
--> statement-breakpoint
-- A lane is never taken up again: its sessions are settled by their receipts, or in another lane.
create table frozen_lane (
  authorization_serial bigint not null references spend_authorization (serial),
  lane bigint not null,
  at timestamptz not null,
  primary key (authorization_serial, lane)
);
--> statement-breakpoint
-- What the parties of a session should know and did not ask for. Told once for each piece of evidence.
create table alert (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('receipt-equivocation', 'statement-equivocation')),
  -- The session's key, or the CID of the authorization and the lane.
  subject text not null,
  organization text,
  provider text not null,
  -- CIDs: of what is booked, and of what contradicts it.
  kept text not null,
  contradicting text not null,
  at timestamptz not null,
  resolved_at timestamptz,
  unique (subject, contradicting)
);
--> statement-breakpoint
create index alert_organization on alert (organization, id);
--> statement-breakpoint
create index alert_provider on alert (provider, id);
--> statement-breakpoint
-- Evidence is asked for by what contradicts, and listed by when it came.
create index receipt_conflict_cid on receipt_conflict (cid);
--> statement-breakpoint
create index receipt_conflict_at on receipt_conflict (at, cid);
--> statement-breakpoint
create index statement_conflict_cid on statement_conflict (cid);
--> statement-breakpoint
-- Signed records and lines are hashes and keys for the most part: to compress them takes longer than to write them.
alter table settled_session
  alter column signed_order set storage external,
  alter column signed_acceptance set storage external;
--> statement-breakpoint
-- A session with its order and acceptance is a row of some two thousand bytes: in one piece, not in three.
alter table settled_session set (toast_tuple_target = 8160);
--> statement-breakpoint
alter table settled_statement alter column lines set storage external;
--> statement-breakpoint
-- Whatever posts a transfer changes the balances of its accounts, and fails when one is not there: that an account exists is
-- proved once for each posting, and need not be looked up twice for each transfer, which took a third of the time.
alter table ledger_transfer
  drop constraint ledger_transfer_debit_fkey,
  drop constraint ledger_transfer_credit_fkey;
