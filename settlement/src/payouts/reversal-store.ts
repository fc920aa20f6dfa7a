import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import { and, asc, eq, inArray, or, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { payout, payoutReversal } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { accountId, CLEARING } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { placeHold } from './hold-store.ts'
import { settlePaid } from './payout-moves.ts'

/** Money that comes back of a payout: to our balance at Stripe, and to what we owe the provider. */
export interface PayoutReversal {
  readonly id: string
  readonly payout: string
  readonly cents: bigint
  readonly state: 'submitted' | 'done' | 'failed'
  /** Stripe's id. */
  readonly reversal: string | null
  readonly reason: string
  readonly failure: string | null
  readonly askedBy: string
  readonly createdAt: number
}

export interface NewReversal {
  readonly id: string
  readonly payout: string
  /** Without it, all that has not come back. */
  readonly cents: bigint | null
  readonly reason: string
  readonly by: string
  readonly idempotencyKey: string
  /** Puts the provider's payouts on hold: what came back would be paid again. */
  readonly hold: boolean
  readonly at: number
}

/** How a transfer stands at Stripe. */
export interface TransferNews {
  readonly transfer: string
  /** Id of our payout. */
  readonly operation: string
  readonly reversals: readonly {
    readonly reversal: string
    readonly cents: bigint
    /** Id of our reversal; undefined when we did not ask for it. */
    readonly operation: string | undefined
  }[]
  readonly at: number
}

export function payoutReversalStore(db: Database) {
  return {
    /**
     * The permanent row before Stripe is asked, or the one that the key made.
     *
     * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_PAYOUT_STATE, HANSE_IDEMPOTENCY_KEY
     */
    beginReversal: (given: NewReversal): Promise<PayoutReversal> =>
      transact(db, (tx) => beginReversal(tx, given)),

    completeReversal: (id: string, reversal: string, at: number): Promise<boolean> =>
      transact(db, (tx) => completeReversal(tx, id, reversal, at)),

    failReversal: async (id: string, failure: string, at: number): Promise<void> => {
      await db
        .update(payoutReversal)
        .set({ state: 'failed', failure, settledAt: new Date(at) })
        .where(and(eq(payoutReversal.id, id), eq(payoutReversal.state, 'submitted')))
    },

    payoutReversal: async (id: string): Promise<PayoutReversal | undefined> => {
      const [row] = await db.select().from(payoutReversal).where(eq(payoutReversal.id, id))
      return row && toReversal(row)
    },

    /** Oldest first. */
    openReversals: async (limit: number): Promise<(PayoutReversal & { transfer: string })[]> =>
      (
        await db
          .select({ row: payoutReversal, transfer: payout.transfer })
          .from(payoutReversal)
          .innerJoin(payout, eq(payout.id, payoutReversal.payout))
          .where(eq(payoutReversal.state, 'submitted'))
          .orderBy(asc(payoutReversal.createdAt))
          .limit(limit)
      ).map(({ row, transfer }) => ({ ...toReversal(row), transfer: transfer ?? '' })),

    payoutReversals: async (payouts: readonly string[]): Promise<PayoutReversal[]> =>
      payouts.length === 0
        ? []
        : (
            await db
              .select()
              .from(payoutReversal)
              .where(inArray(payoutReversal.payout, [...payouts]))
              .orderBy(asc(payoutReversal.createdAt), asc(payoutReversal.id))
          ).map(toReversal),
  }
}

async function beginReversal(tx: Database, given: NewReversal): Promise<PayoutReversal> {
  const [row] = await tx.select().from(payout).where(eq(payout.id, given.payout)).for('update')
  if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no payout ${given.payout}`)
  const [known] = await tx
    .select()
    .from(payoutReversal)
    .where(eq(payoutReversal.idempotencyKey, given.idempotencyKey))
  if (known !== undefined) {
    const same = known.payout === given.payout && [null, known.cents].includes(given.cents)
    if (same) return toReversal(known)
    throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'this key was used for another request')
  }
  const left = row.cents - row.reversedCents - (await openCents(tx, row.id))
  const cents = given.cents ?? left
  if (row.state !== 'paid' || cents > left || left === 0n) {
    throw new SettlementError('HANSE_PAYOUT_STATE', `${row.state}, and ${left} cents can come back`)
  }
  const { id, reason, by, idempotencyKey, hold, at } = given
  const [made] = await tx
    .insert(payoutReversal)
    .values({
      id,
      payout: row.id,
      cents,
      state: 'submitted',
      reason,
      askedBy: by,
      idempotencyKey,
      createdAt: new Date(at),
    })
    .returning()
  if (hold) await placeHold(tx, { provider: row.provider, reason, by, at })
  return toReversal(made)
}

async function openCents(tx: Database, id: string): Promise<bigint> {
  const open = await tx
    .select({ cents: payoutReversal.cents })
    .from(payoutReversal)
    .where(and(eq(payoutReversal.payout, id), eq(payoutReversal.state, 'submitted')))
  return open.reduce((sum, { cents }) => sum + cents, 0n)
}

/** Compare and swap: the answer, its repetition and the webhook post it once. A failure that was told first was wrong. */
async function completeReversal(
  tx: Database,
  id: string,
  reversal: string,
  at: number,
): Promise<boolean> {
  // The payout first, as whoever takes the news of its transfer: the other order could deadlock with it.
  await tx.execute(sql`select p.id from payout p join payout_reversal r on r.payout = p.id
    where r.id = ${id} for update of p`)
  const [row] = await tx
    .update(payoutReversal)
    .set({ state: 'done', reversal, failure: null, settledAt: new Date(at) })
    .where(and(eq(payoutReversal.id, id), inArray(payoutReversal.state, ['submitted', 'failed'])))
    .returning()
  if (row === undefined) return false
  await postReversal(tx, row, at)
  return true
}

/**
 * What Stripe says of a transfer, whoever tells it first: that it was made, while we still wait for the answer, and what
 * came back of it, asked for by us or by somebody at Stripe.
 */
export async function takeTransferNews(tx: Database, news: TransferNews): Promise<void> {
  const { transfer, operation, at } = news
  const found = or(eq(payout.id, operation), eq(payout.transfer, transfer))
  const [row] = await tx.select().from(payout).where(found).for('update')
  if (row === undefined) return
  if (row.state === 'submitted') await settlePaid(tx, row.id, transfer, at)
  else if (row.state !== 'paid') return
  for (const back of news.reversals) {
    const known = await tx
      .select()
      .from(payoutReversal)
      .where(
        or(
          eq(payoutReversal.reversal, back.reversal),
          eq(payoutReversal.id, back.operation ?? back.reversal),
        ),
      )
    if (known[0]?.state === 'done') continue
    if (known[0] !== undefined) {
      await completeReversal(tx, known[0].id, back.reversal, at)
      continue
    }
    const [made] = await tx
      .insert(payoutReversal)
      .values({
        id: `rv-${back.reversal}`,
        payout: row.id,
        cents: back.cents,
        state: 'done',
        reversal: back.reversal,
        reason: 'reversed at Stripe',
        askedBy: 'stripe',
        createdAt: new Date(at),
        settledAt: new Date(at),
      })
      .onConflictDoNothing()
      .returning()
    if (made !== undefined) await postReversal(tx, made, at)
  }
}

async function postReversal(
  tx: Database,
  row: typeof payoutReversal.$inferSelect,
  at: number,
): Promise<void> {
  const [paid] = await tx
    .update(payout)
    .set({ reversedCents: sql`${payout.reversedCents} + ${row.cents}`, updatedAt: new Date(at) })
    .where(eq(payout.id, row.payout))
    .returning({ provider: payout.provider })
  if (paid === undefined) throw new SettlementError('HANSE_INTERNAL', `no payout ${row.payout}`)
  await postTransfers(
    tx,
    [
      {
        debit: CLEARING,
        credit: accountId('payable', paid.provider),
        amount: picoEuro(row.cents * PICO_PER_CENT),
        kind: 'payout_reversal',
        reference: row.id,
      },
    ],
    at,
  )
}

function toReversal(row: typeof payoutReversal.$inferSelect | undefined): PayoutReversal {
  if (row === undefined) throw new SettlementError('HANSE_INTERNAL', 'reversal not stored')
  const { id, cents, state, reversal, reason, failure, askedBy, createdAt } = row
  const times = { createdAt: createdAt.getTime() }
  return { id, payout: row.payout, cents, state, reversal, reason, failure, askedBy, ...times }
}
