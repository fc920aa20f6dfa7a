-- Keys that set budgets, policies, alerts and rates, and bring usage in. Keys from before do not.
alter table api_key
  drop constraint api_key_scopes,
  add constraint api_key_scopes check (scopes <@ array['read', 'spend', 'billing', 'keys', 'manage']);
