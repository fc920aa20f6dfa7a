import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { inArray } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { debtRecovery, ledgerBalance } from '../db/schema.ts'
import { type AccountId, accountId, accountParts, type Transfer } from '../ledger/accounts.ts'
import { ensureAccounts, postTransfers } from '../ledger/post-transfers.ts'

/**
 * Posts what comes free for organizations; one that owes us pays its debt first. Every credit of an `available` account
 * goes through here, so that no organization has money and debt at once.
 */
export async function postCredits(
  tx: Database,
  transfers: readonly Transfer[],
  at: number,
): Promise<void> {
  const credited = creditsOf(transfers)
  if (credited.size === 0) return postTransfers(tx, transfers, at)
  const debts = await lockDebts(tx, [...credited.keys()])
  const recovered = [...credited].flatMap(([organization, { amount, reference }]) => {
    const { available, debt } = debts.get(organization) ?? { available: 0n, debt: 0n }
    const paid = picoEuro(least(available + amount, debt))
    return paid > 0n ? [{ organization, amount: paid, reference }] : []
  })
  if (recovered.length > 0) {
    await tx.insert(debtRecovery).values(recovered.map((row) => ({ ...row, at: new Date(at) })))
  }
  await postTransfers(tx, transfers, at)
  await postTransfers(tx, recovered.map(recovery), at)
}

export interface Taken {
  readonly available: PicoEuro
  /** What was not there, and is owed to us now. */
  readonly missing: PicoEuro
}

/** What of an amount an organization still has; locks its money until the end of the transaction. */
export async function takeFunds(
  tx: Database,
  organization: string,
  amount: PicoEuro,
): Promise<Taken> {
  const funds = (await lockDebts(tx, [organization])).get(organization)
  const available = picoEuro(least(funds?.available ?? 0n, amount))
  return { available, missing: picoEuro(amount - available) }
}

interface Funds {
  readonly available: bigint
  readonly debt: bigint
}

/**
 * The lock of an organization's money is the row of its `available` account. What it owes is read after that, by a
 * statement of its own: a debt that was committed while this one waited for the lock must be seen.
 */
async function lockDebts(
  tx: Database,
  organizations: readonly string[],
): Promise<Map<string, Funds>> {
  const available = (owner: string) => accountId('available', owner)
  const debt = (owner: string) => accountId('debt', owner)
  // Only the accounts matter here: a row that is missing can be locked by nobody.
  const pairs = organizations.map((owner) => ({ debit: debt(owner), credit: available(owner) }))
  await ensureAccounts(tx, pairs)
  await tx
    .select({ account: ledgerBalance.account })
    .from(ledgerBalance)
    .where(inArray(ledgerBalance.account, organizations.map(available)))
    .orderBy(ledgerBalance.account)
    .for('update')
  const balances = await read(tx, [...organizations.map(available), ...organizations.map(debt)])
  return new Map(
    organizations.map((owner) => [
      owner,
      {
        available: balances.get(available(owner)) ?? 0n,
        debt: -(balances.get(debt(owner)) ?? 0n),
      },
    ]),
  )
}

async function read(tx: Database, accounts: readonly AccountId[]): Promise<Map<string, bigint>> {
  const found = await tx
    .select()
    .from(ledgerBalance)
    .where(inArray(ledgerBalance.account, [...accounts]))
  return new Map(found.map((row) => [row.account, row.credits - row.debits]))
}

/** By organization, in one order: what comes free, and the first thing that it comes from. */
function creditsOf(transfers: readonly Transfer[]) {
  const credited = new Map<string, { amount: bigint; reference: string }>()
  for (const { credit, amount, kind, reference } of transfers) {
    const { kind: account, owner } = accountParts(credit)
    if (account !== 'available') continue
    const known = credited.get(owner)
    credited.set(owner, {
      amount: (known?.amount ?? 0n) + amount,
      reference: known?.reference ?? `${kind}/${reference}`,
    })
  }
  return new Map([...credited].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const recovery = (row: {
  organization: string
  amount: PicoEuro
  reference: string
}): Transfer => ({
  debit: accountId('available', row.organization),
  credit: accountId('debt', row.organization),
  amount: row.amount,
  kind: 'debt_recovery',
  reference: row.reference,
})

const least = (a: bigint, b: bigint) => (a < b ? a : b)
