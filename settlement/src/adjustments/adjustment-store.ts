import { picoEuro } from '@hanse/protocol'
import { and, asc, eq, gt, inArray, lte, sql } from 'drizzle-orm'
import { postCredits } from '../billing/post-credits.ts'
import { type Database, databaseFault, rows, transact } from '../db/database.ts'
import { adjustment, ledgerBalance, organization, provider } from '../db/schema.ts'
import { recoverDebts } from '../earnings/recover-debts.ts'
import { SettlementError } from '../errors.ts'
import { type AccountId, accountId, accountParts } from '../ledger/accounts.ts'
import { type Adjustment, ownersOf } from './adjustment.ts'

export interface Decision {
  readonly id: string
  /** Id of the operator. */
  readonly by: string
  readonly note: string | null
  readonly at: number
}

export function adjustmentStore(db: Database) {
  return {
    /** @throws {SettlementError} HANSE_ADJUSTMENT_ACCOUNT, HANSE_ADJUSTMENT_STATE when the movement is booked already */
    proposeAdjustment: (
      given: Omit<Adjustment, 'state' | 'decidedBy' | 'decidedAt' | 'note'>,
    ): Promise<Adjustment> =>
      transact(db, async (tx) => {
        await requireOwner(tx, given.debit, ownersOf(given.debit, 'debit'))
        await requireOwner(tx, given.credit, ownersOf(given.credit, 'credit'))
        await requireUnbooked(tx, given.movement)
        try {
          const [row] = await tx
            .insert(adjustment)
            .values({
              ...given,
              state: 'proposed',
              proposedAt: new Date(given.proposedAt),
              expiresAt: new Date(given.expiresAt),
            })
            .returning()
          return toAdjustment(row)
        } catch (error) {
          if (databaseFault(error)?.code !== '23505') throw error
          throw stateFault(`an adjustment books ${given.movement} already`, error)
        }
      }),

    /**
     * Posts it, once. What it makes a provider owe is taken from what the provider is owed, at once.
     *
     * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_ADJUSTMENT_STATE, HANSE_TWO_OPERATORS, HANSE_BALANCE_INSUFFICIENT
     */
    approveAdjustment: (decision: Decision): Promise<Adjustment> =>
      transact(db, async (tx) => {
        const row = await decide(tx, decision, 'posted')
        const { debit, credit, kind, amount, id } = row
        await requireUnbooked(tx, row.movement)
        const transfer = { debit, credit, kind, amount: picoEuro(amount), reference: id }
        const { kind: account, owner } = accountParts(debit)
        if (account === 'debt') await lockInOrder(tx, [debit, credit, accountId('payable', owner)])
        await postCredits(tx, [transfer], decision.at)
        if (account === 'debt') await recoverDebts(tx, decision.at, owner)
        return row
      }),

    /** The proposer may, too. @throws {SettlementError} HANSE_NOT_FOUND, HANSE_ADJUSTMENT_STATE */
    rejectAdjustment: (decision: Decision): Promise<Adjustment> =>
      transact(db, (tx) => decide(tx, decision, 'rejected')),

    /** @returns how many */
    expireAdjustments: async (at: number): Promise<number> =>
      (
        await db
          .update(adjustment)
          .set({ state: 'expired', movement: null, decidedAt: new Date(at) })
          .where(and(eq(adjustment.state, 'proposed'), lte(adjustment.expiresAt, new Date(at))))
          .returning({ id: adjustment.id })
      ).length,

    adjustments: async (query: {
      readonly after: string
      readonly limit: number
      readonly state?: Adjustment['state']
    }): Promise<Adjustment[]> =>
      (
        await db
          .select()
          .from(adjustment)
          .where(
            and(
              gt(adjustment.id, query.after),
              query.state === undefined ? undefined : eq(adjustment.state, query.state),
            ),
          )
          .orderBy(asc(adjustment.id))
          .limit(query.limit)
      ).map(toAdjustment),
  }
}

/** Compare and swap: of any number of decisions one is taken. */
async function decide(
  tx: Database,
  { id, by, note, at }: Decision,
  state: 'posted' | 'rejected',
): Promise<Adjustment> {
  const [found] = await tx.select().from(adjustment).where(eq(adjustment.id, id)).for('update')
  if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no adjustment ${id}`)
  if (found.state !== 'proposed') throw stateFault(`${id} is ${found.state}`)
  if (found.expiresAt.getTime() <= at) throw stateFault(`${id} has expired`)
  if (state === 'posted' && found.proposedBy === by) {
    throw new SettlementError('HANSE_TWO_OPERATORS', `${by} proposed ${id}`)
  }
  const [row] = await tx
    .update(adjustment)
    .set({
      state,
      decidedBy: by,
      decidedAt: new Date(at),
      note,
      // The movement is free for another proposal.
      ...(state === 'rejected' && { movement: null }),
    })
    .where(eq(adjustment.id, id))
    .returning()
  return toAdjustment(row)
}

/** In the order of bookings: the debt is posted first and what is payable is taken after it, which could deadlock. */
async function lockInOrder(tx: Database, accounts: readonly AccountId[]): Promise<void> {
  await tx
    .select({ account: ledgerBalance.account })
    .from(ledgerBalance)
    .where(inArray(ledgerBalance.account, [...accounts]))
    .orderBy(ledgerBalance.account)
    .for('update')
}

/** The reconciliation books some movements by itself: what holds the row books it, or the adjustment does. */
async function requireUnbooked(tx: Database, movement: string | null): Promise<void> {
  if (movement === null) return
  const [found] = await rows<{ booked: boolean }>(
    tx,
    sql`select booked_at is not null as booked from stripe_movement where id = ${movement} for update`,
  )
  if (found?.booked === true) throw stateFault(`the reconciliation has booked ${movement}`)
}

async function requireOwner(
  tx: Database,
  account: AccountId,
  owners: readonly string[],
): Promise<void> {
  const { owner } = accountParts(account)
  for (const kind of owners) {
    if (kind === 'platform') return
    const found =
      kind === 'provider'
        ? await tx.select().from(provider).where(eq(provider.peerId, owner))
        : await tx.select().from(organization).where(eq(organization.id, owner))
    if (found.length > 0) return
  }
  throw new SettlementError('HANSE_ADJUSTMENT_ACCOUNT', `${account} cannot be adjusted`)
}

const stateFault = (message: string, cause?: unknown) =>
  new SettlementError('HANSE_ADJUSTMENT_STATE', message, cause === undefined ? {} : { cause })

function toAdjustment(row: typeof adjustment.$inferSelect | undefined): Adjustment {
  if (row === undefined) throw new SettlementError('HANSE_INTERNAL', 'adjustment not stored')
  return {
    ...row,
    debit: row.debit as AccountId,
    credit: row.credit as AccountId,
    proposedAt: row.proposedAt.getTime(),
    expiresAt: row.expiresAt.getTime(),
    decidedAt: row.decidedAt?.getTime() ?? null,
  }
}
