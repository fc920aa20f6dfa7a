-- Checking these for each session took two fifths of the time of a booking. All of the rows are written by one statement
-- that has read what they refer to under locks, nothing of it is ever deleted, and `ledger check` looks for orphans.
alter table settled_session
  drop constraint settled_session_authorization_serial_fkey,
  drop constraint settled_session_organization_fkey,
  drop constraint settled_session_statement_fkey;
--> statement-breakpoint
alter table settled_receipt
  drop constraint settled_receipt_session_fkey,
  drop constraint settled_receipt_statement_fkey;
