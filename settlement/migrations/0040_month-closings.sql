-- Who closed a month, why where something was still open, and what that was; empty for the months of before. Only adds: an
-- older release runs on beside it and leaves them empty. Dropping the three columns takes it back.
alter table closed_month
  add column closed_by text,
  add column reason text,
  add column open_points jsonb;
