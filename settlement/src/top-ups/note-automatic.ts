import { eq } from 'drizzle-orm'
import { tell } from '../billing/notice-store.ts'
import type { Database } from '../db/database.ts'
import { automaticTopUp } from '../db/schema.ts'
import { afterDecline } from './decide-automatic.ts'

/**
 * A decline of an automatic top-up makes a pause, and after several the end; a success ends the counting. Inside the
 * transaction that settles the top-up, so that each counts once.
 */
export async function noteAutomatic(
  tx: Database,
  { id, organization }: { readonly id: string; readonly organization: string },
  paid: boolean,
  at: number,
): Promise<void> {
  const mine = eq(automaticTopUp.organization, organization)
  const [row] = await tx.select().from(automaticTopUp).where(mine).for('update')
  if (row === undefined) return
  if (paid) {
    await tx.update(automaticTopUp).set({ failures: 0, pausedUntil: null }).where(mine)
    return
  }
  const { pausedUntil, ...next } = afterDecline(row, at)
  await tx
    .update(automaticTopUp)
    .set({ ...next, pausedUntil: pausedUntil === null ? null : new Date(pausedUntil) })
    .where(mine)
  await tell(tx, organization, 'automatic-top-up-declined', id, at)
  if (!next.enabled) await tell(tx, organization, 'automatic-top-up-stopped', id, at)
}
