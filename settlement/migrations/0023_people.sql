-- An organization that an operator has shut: nobody acts for it, with a key or signed in.
alter table organization add column disabled_at timestamptz;
--> statement-breakpoint
-- Of somebody who is gone only the id is left, for what was written down of them.
alter table person add column erased_at timestamptz;
--> statement-breakpoint
-- The address that a link of this kind was sent to becomes the person's.
alter table person_token drop constraint person_token_purpose_check;
--> statement-breakpoint
alter table person_token add constraint person_token_purpose_check check (purpose in ('verify', 'reset', 'change'));
--> statement-breakpoint
-- Of a change there are two entries, one from before it and one of how it ended; this is what they have in common.
alter table access_log add column request uuid;
--> statement-breakpoint
create index access_log_request on access_log (request) where request is not null;
--> statement-breakpoint
-- What took the place of a key, which was given its end with it.
alter table api_key add column replaced_by text;
--> statement-breakpoint
-- Who did what stays for ever. From which address it came is forgotten when its person is erased, and never changed.
create or replace function access_log_is_immutable() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and tg_level = 'ROW' then
    if new.address is null and (old.id, old.organization, old.actor, old.action, old.targets, old.outcome, old.at, old.request)
      is not distinct from (new.id, new.organization, new.actor, new.action, new.targets, new.outcome, new.at, new.request) then
      return new;
    end if;
  end if;
  raise exception 'the access log is only ever added to' using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
drop trigger access_log_is_immutable on access_log;
--> statement-breakpoint
create trigger access_log_is_immutable before delete or truncate on access_log
for each statement execute function access_log_is_immutable();
--> statement-breakpoint
create trigger access_log_row_is_immutable before update on access_log
for each row execute function access_log_is_immutable();
--> statement-breakpoint
-- Groups of a directory. A role is what an owner has said that a group means here.
create table scim_group (
  organization text not null references organization (id),
  id text not null check (id like 'grp\_%'),
  name text not null check (length(name) between 1 and 255),
  external_id text check (length(external_id) <= 255),
  role text check (role in ('admin', 'developer', 'billing', 'auditor')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization, id)
);
--> statement-breakpoint
create unique index scim_group_name on scim_group (organization, lower(name));
--> statement-breakpoint
create table scim_group_member (
  organization text not null,
  scim_group text not null,
  person text not null references person (id),
  primary key (organization, scim_group, person),
  foreign key (organization, scim_group) references scim_group (organization, id) on delete cascade
);
--> statement-breakpoint
create index scim_group_member_person on scim_group_member (organization, person);
