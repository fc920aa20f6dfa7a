-- Who of the people an operator is, so that they may sign in as one. A pair is made once: a person who was one operator is
-- never another, and no operator is two people, or what needs two operators could be done by one.
create table operator_person (
  operator text primary key references operator (id),
  person text not null unique references person (id),
  linked_by text not null,
  linked_at timestamptz not null,
  ended_by text,
  ended_at timestamptz,
  constraint operator_person_ended check ((ended_by is null) = (ended_at is null))
);
