-- Double entry. Amounts are whole pico-euro: numeric, because int8 ends at 9.2 million euro.
create table ledger_account (
  id text primary key,
  kind text not null check (kind in
    ('stripe_clearing', 'available', 'held', 'payable', 'revenue', 'payout_in_transit')),
  owner text not null,
  currency text not null default 'EUR' check (currency = 'EUR'),
  unique (kind, owner)
);
--> statement-breakpoint
-- One row per account, written once per batch: the rollup of the transfers, and the place of the guards.
create table ledger_balance (
  account text primary key references ledger_account (id),
  debits numeric(38, 0) not null default 0,
  credits numeric(38, 0) not null default 0,
  guarded boolean not null,
  constraint ledger_balance_guard check (not guarded or credits >= debits)
) with (fillfactor = 50);
--> statement-breakpoint
create sequence ledger_batch;
--> statement-breakpoint
create table ledger_transfer (
  id bigint generated always as identity primary key,
  batch bigint not null,
  debit text not null references ledger_account (id),
  credit text not null references ledger_account (id),
  amount numeric(38, 0) not null check (amount > 0),
  kind text not null check (kind in
    ('top_up', 'hold', 'release', 'usage', 'platform_fee', 'payout', 'payout_reversal')),
  reference text not null,
  at timestamptz not null,
  check (debit <> credit),
  -- The last line of defence against posting one cause twice.
  constraint ledger_transfer_once unique (kind, reference, debit)
);
--> statement-breakpoint
create index ledger_transfer_debit on ledger_transfer (debit, id);
--> statement-breakpoint
create index ledger_transfer_credit on ledger_transfer (credit, id);
--> statement-breakpoint
create function ledger_transfer_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'ledger transfers are never changed: post a correcting transfer'
    using errcode = 'restrict_violation', constraint = 'ledger_transfer_is_immutable';
end
$$;
--> statement-breakpoint
create trigger ledger_transfer_is_immutable before update or delete or truncate on ledger_transfer
  for each statement execute function ledger_transfer_is_immutable();
