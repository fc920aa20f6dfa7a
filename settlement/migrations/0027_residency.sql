-- Where the organization lets what this pays for be processed: {"allow", "minLevel", "evidence"}. Null: it rules nothing.
alter table spend_authorization add column residency jsonb;
