-- What the sessions of each gateway came to, by quarters of an hour, for a day begins at one in every time zone: budgets of
-- teams, keys, tags and models are summed of it. An older release does not write into it: what it rolls up meanwhile is
-- counted by what gateways report, as before.
create table usage_gateway (
  organization text not null,
  quarter timestamptz not null,
  -- Peer id of the consumer.
  gateway text not null,
  -- Serial of the authorization where that says whom it is for, and then counts as a whole; 0 of all others.
  attributed bigint not null,
  -- 0 where nobody is known.
  spender bigint not null,
  model text not null,
  amount numeric(38, 0) not null,
  primary key (organization, quarter, gateway, attributed, spender, model)
) with (fillfactor = 70);
--> statement-breakpoint
-- Windows that are open have begun no earlier, but for long ones; and those carry over from the one before.
insert into usage_gateway (organization, quarter, gateway, attributed, spender, model, amount)
select u.organization, date_bin('15 minutes', u.at, timestamptz '2000-01-01Z'), s.consumer,
  case when a.attribution is null then 0 else a.serial end, u.spender, u.model, sum(u.amount)
from usage u
join settled_session s on s.session = u.session
join spend_authorization a on a.serial = s.authorization_serial
where u.at >= now() - interval '62 days'
group by 1, 2, 3, 4, 5, 6;
