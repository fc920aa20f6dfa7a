import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import { and, eq, type SQL } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { payout } from '../db/schema.ts'
import { accountId, CLEARING, type Transfer } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { type LogFact, ownerOf } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import { emitEvents } from '../notifications/emit.ts'

// How payouts move, inside the transaction of what moves them. Compare and swap: of any number of runs, retries and late
// answers one moves the row, and only it posts.

export type PayoutRecord = typeof payout.$inferSelect

/** It is at Stripe: the money has left. @returns whether this call moved it */
export async function settlePaid(
  tx: Database,
  id: string,
  transfer: string,
  at: number,
): Promise<boolean> {
  const [row] = await tx
    .update(payout)
    .set({ state: 'paid', transfer, ...settled(at) })
    .where(and(eq(payout.id, id), eq(payout.state, 'submitted')))
    .returning()
  if (row === undefined) return false
  await postTransfers(
    tx,
    [
      {
        debit: accountId('payout_in_transit', row.provider),
        credit: CLEARING,
        amount: picoEuro(row.cents * PICO_PER_CENT),
        kind: 'payout',
        reference: row.id,
      },
    ],
    at,
  )
  await writeEvents(tx, [paid(row)], at)
  return true
}

/** Stripe has refused it for good: the money is the provider's to be paid again. */
export async function settleFailed(
  tx: Database,
  id: string,
  failure: string,
  at: number,
): Promise<boolean> {
  const [row] = await tx
    .update(payout)
    .set({ state: 'failed', failure, ...settled(at) })
    .where(and(eq(payout.id, id), eq(payout.state, 'submitted')))
    .returning()
  if (row === undefined) return false
  await postTransfers(tx, [returned(row)], at)
  const { provider, cents } = row
  const facts = { provider, cents: Number(cents), failure }
  const failed = { organization: null, kind: 'payout.failed' as const, subject: provider }
  await emitEvents(tx, [{ ...failed, cause: id, facts }], at)
  return true
}

/** Those that nobody has asked Stripe for yet go back. */
export async function giveBack(
  tx: Database,
  which: SQL | undefined,
  failure: string,
  at: number,
): Promise<void> {
  const back = await tx
    .update(payout)
    .set({ state: 'failed', failure, ...settled(at) })
    .where(and(which, eq(payout.state, 'pending')))
    .returning()
  await postTransfers(tx, back.map(returned), at)
}

const settled = (at: number) => ({ settledAt: new Date(at), updatedAt: new Date(at) })

const returned = ({ id, provider, cents }: PayoutRecord): Transfer => ({
  debit: accountId('payout_in_transit', provider),
  credit: accountId('payable', provider),
  amount: picoEuro(cents * PICO_PER_CENT),
  kind: 'payout_reversal',
  reference: id,
})

const paid = ({ id, provider, cents, transfer }: PayoutRecord): LogFact => ({
  kind: 'payout',
  record: null,
  owner: ownerOf('provider', provider),
  details: { payout: id, provider, cents, transfer },
})
