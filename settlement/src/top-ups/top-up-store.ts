import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import { and, eq, ne } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { topUp } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { accountId, CLEARING } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'

export interface NewTopUp {
  readonly id: string
  readonly organization: string
  readonly idempotencyKey: string
  readonly requestDigest: string
  readonly cents: bigint
  readonly at: number
}

export interface TopUpRow {
  readonly id: string
  readonly organization: string
  readonly cents: bigint
  readonly state: 'pending' | 'succeeded' | 'failed'
  readonly paymentIntent: string | null
}

/** What a payment came to, as Stripe tells it. */
export interface TopUpOutcome {
  /** Id of our row: the operation that Stripe carries in the PaymentIntent's metadata. */
  readonly id: string
  readonly paymentIntent: string
  readonly cents: bigint
  readonly status: 'succeeded' | 'processing' | 'failed'
  readonly at: number
}

export function topUpStore(db: Database) {
  return {
    /**
     * Makes the permanent row of a top-up before Stripe is asked, or finds the one that its key made.
     *
     * @throws {SettlementError} HANSE_IDEMPOTENCY_KEY when the key came with another request
     */
    beginTopUp: async (given: NewTopUp): Promise<TopUpRow> => {
      const { at, ...row } = given
      await db
        .insert(topUp)
        .values({ ...row, state: 'pending', createdAt: new Date(at) })
        .onConflictDoNothing({ target: [topUp.organization, topUp.idempotencyKey] })
      const [stored] = await db
        .select()
        .from(topUp)
        .where(
          and(
            eq(topUp.organization, given.organization),
            eq(topUp.idempotencyKey, given.idempotencyKey),
          ),
        )
      if (stored?.requestDigest !== given.requestDigest) {
        throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'this key was used for another request')
      }
      return toTopUp(stored)
    },

    /** Credits a payment once, whoever tells of it first: the answer to our request, or a webhook. */
    finishTopUp: (outcome: TopUpOutcome): Promise<TopUpRow | undefined> =>
      transact(db, (tx) => finishTopUp(tx, outcome)),
  }
}

/** Inside the transaction of what tells of it. */
export async function finishTopUp(
  tx: Database,
  outcome: TopUpOutcome,
): Promise<TopUpRow | undefined> {
  const [row] = await tx.select().from(topUp).where(eq(topUp.id, outcome.id)).for('update')
  if (row === undefined) return undefined
  if (row.state === 'succeeded' || outcome.status === 'processing') return toTopUp(row)
  // A late or replayed failure must not undo anything: only `succeeded` moves money, and it is final.
  const succeeded = outcome.status === 'succeeded'
  if (succeeded && outcome.cents !== row.cents) {
    throw new SettlementError('HANSE_INTERNAL', `top-up ${row.id}: Stripe charged another amount`)
  }
  const [moved] = await tx
    .update(topUp)
    .set({
      state: succeeded ? 'succeeded' : 'failed',
      paymentIntent: outcome.paymentIntent === '' ? null : outcome.paymentIntent,
      ...(succeeded && { creditedAt: new Date(outcome.at) }),
    })
    .where(and(eq(topUp.id, row.id), ne(topUp.state, 'succeeded')))
    .returning()
  if (succeeded && moved !== undefined) {
    await postTransfers(
      tx,
      [
        {
          debit: CLEARING,
          credit: accountId('available', row.organization),
          amount: picoEuro(outcome.cents * PICO_PER_CENT),
          kind: 'top_up',
          reference: outcome.paymentIntent,
        },
      ],
      outcome.at,
    )
  }
  return moved && toTopUp(moved)
}

function toTopUp({ id, organization, cents, state, paymentIntent }: TopUpRow): TopUpRow {
  return { id, organization, cents, state, paymentIntent }
}
