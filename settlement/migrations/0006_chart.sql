-- Every account that money can be in, and a guard for those that may not be below zero the other way round: what others
-- owe us, and what we spent, is never collected twice.
alter table ledger_account drop constraint ledger_account_kind_check;
--> statement-breakpoint
alter table ledger_account add constraint ledger_account_kind_check check (kind in
  ('stripe_clearing', 'available', 'held', 'payable', 'held_back', 'payout_in_transit', 'revenue', 'vat', 'stripe_fees',
   'promotions', 'losses', 'debt'));
--> statement-breakpoint
alter table ledger_balance
  add column debit_guarded boolean not null default false,
  add constraint ledger_balance_debit_guard check (not debit_guarded or debits >= credits);
--> statement-breakpoint
alter table ledger_transfer drop constraint ledger_transfer_kind_check;
--> statement-breakpoint
alter table ledger_transfer add constraint ledger_transfer_kind_check check (kind in
  ('top_up', 'vat', 'hold', 'release', 'usage', 'platform_fee', 'hold_back', 'hold_back_release', 'payout',
   'payout_reversal', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal', 'debt_recovery', 'stripe_fee',
   'subscription', 'plan_credit', 'write_off', 'adjustment'));
