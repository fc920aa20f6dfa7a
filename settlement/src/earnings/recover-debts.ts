import { randomUUID } from 'node:crypto'
import { picoEuro } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { providerDebtRecovery } from '../db/schema.ts'
import { accountId } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'

/**
 * Takes what providers owe from what they are owed, as far as that goes. Before anything is paid out.
 *
 * @param provider only this one's
 */
export async function recoverDebts(tx: Database, at: number, provider?: string): Promise<void> {
  const found = await rows<{ provider: string; amount: string }>(
    tx,
    sql`select d.owner as provider,
        least(db.debits - db.credits, pb.credits - pb.debits)::text as amount
      from ledger_account d
        join ledger_balance db on db.account = d.id
        join ledger_balance pb on pb.account = 'payable/' || d.owner
        join provider p on p.peer_id = d.owner
      where d.kind = 'debt' and db.debits > db.credits and pb.credits > pb.debits
        and ${provider === undefined ? sql`true` : sql`d.owner = ${provider}`}
      order by d.owner for update of db, pb`,
  )
  if (found.length === 0) return
  const recovered = found.map((row) => ({
    id: `dr-${randomUUID()}`,
    provider: row.provider,
    amount: BigInt(row.amount),
  }))
  await tx
    .insert(providerDebtRecovery)
    .values(recovered.map((row) => ({ ...row, at: new Date(at) })))
  await postTransfers(
    tx,
    recovered.map(({ id, provider: owner, amount }) => ({
      debit: accountId('payable', owner),
      credit: accountId('debt', owner),
      amount: picoEuro(amount),
      kind: 'debt_recovery',
      reference: id,
    })),
    at,
  )
}
