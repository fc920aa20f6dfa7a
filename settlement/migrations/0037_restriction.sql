-- Since when the processing of somebody's data is restricted (GDPR, Article 18); null while it is not. What holds is what the
-- requests say; these columns are what each look at a caller, and each job, can afford to read.
alter table organization add column restricted_at timestamptz;
--> statement-breakpoint
alter table person add column restricted_at timestamptz;
--> statement-breakpoint
alter table provider add column restricted_at timestamptz;
--> statement-breakpoint
update organization o set restricted_at = r.at
  from (select subject, min(ended_at) as at from rights_request
    where kind = 'restriction' and state = 'done' and lifted_at is null and subject_kind = 'organization' group by subject) r
  where r.subject = o.id;
--> statement-breakpoint
update person p set restricted_at = r.at
  from (select subject, min(ended_at) as at from rights_request
    where kind = 'restriction' and state = 'done' and lifted_at is null and subject_kind = 'person' group by subject) r
  where r.subject = p.id;
--> statement-breakpoint
update provider p set restricted_at = r.at
  from (select subject, min(ended_at) as at from rights_request
    where kind = 'restriction' and state = 'done' and lifted_at is null and subject_kind = 'provider' group by subject) r
  where r.subject = p.peer_id;
