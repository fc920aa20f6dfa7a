import type { SettlementStore } from '../db/store.ts'

const PICO_PER_CENT = 10n ** 10n

/**
 * Makes providers with verified payout accounts, each owed so many cents, for benchmarks of payouts. Only the ledger knows
 * of it: there are no sessions behind it.
 */
export async function seedPayables(
  store: Pick<SettlementStore, 'executeSql'>,
  providers: number,
  cents: bigint,
): Promise<void> {
  const amount = (cents * PICO_PER_CENT).toString()
  const all = (BigInt(amount) * BigInt(providers)).toString()
  const named = `(select 'seeded_' || i as owner from generate_series(1, ${providers}) i) s`
  for (const statement of [
    `insert into provider (peer_id, country, account, payable_since, fee_bps, binding, created_at)
      select owner, 'DE', 'acct_' || owner, now(), 2500, '\\x00', now() from ${named}`,
    `insert into ledger_account (id, kind, owner) values ('held/seeded', 'held', 'seeded')`,
    `insert into ledger_balance (account, debits, credits, guarded) values ('held/seeded', ${all}, ${all}, true)`,
    `insert into ledger_account (id, kind, owner) values ('stripe_clearing/platform', 'stripe_clearing', 'platform')
      on conflict do nothing`,
    `insert into ledger_balance (account, debits, credits, guarded)
      values ('stripe_clearing/platform', ${all}, 0, false)
      on conflict (account) do update set debits = ledger_balance.debits + excluded.debits`,
    `insert into ledger_transfer (batch, debit, credit, amount, kind, reference, at)
      values (nextval('ledger_batch'), 'stripe_clearing/platform', 'held/seeded', ${all}, 'top_up', 'seeded', now())`,
    `insert into ledger_account (id, kind, owner) select 'payable/' || owner, 'payable', owner from ${named}`,
    `insert into ledger_balance (account, debits, credits, guarded)
      select 'payable/' || owner, 0, ${amount}, true from ${named}`,
    `insert into ledger_transfer (batch, debit, credit, amount, kind, reference, at)
      select currval('ledger_batch'), 'held/seeded', 'payable/' || owner, ${amount}, 'usage', owner, now()
      from ${named}`,
    'analyze provider, ledger_account, ledger_balance, ledger_transfer',
  ]) {
    await store.executeSql(statement)
  }
}
