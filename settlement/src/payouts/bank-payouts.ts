import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import type { SettlementContext } from '../context.ts'
import type { Database } from '../db/database.ts'
import { bankPayout } from '../db/schema.ts'
import type { StripeEvent } from '../stripe/index.ts'
import type { StripeEffect } from '../stripe-events/effect.ts'

/**
 * What Stripe sends from a provider's account to its bank. The money is not ours any more and is in no account of the
 * ledger; the provider is told, so that it need not look in two places.
 */
export interface BankPayout {
  /** Stripe's id. */
  readonly id: string
  readonly provider: string
  readonly cents: bigint
  readonly state: 'pending' | 'in_transit' | 'paid' | 'failed' | 'canceled'
  readonly failure: string | null
  readonly arrivesAt: number
  readonly createdAt: number
}

const PAYOUT_EVENTS = /^payout\.(?:created|updated|paid|failed|canceled|reconciliation_completed)$/u

/** Events come late and twice: the payout is fetched. */
export async function bankPayoutEffect(
  { payments, store, now }: SettlementContext,
  event: StripeEvent,
): Promise<readonly StripeEffect[]> {
  if (event.kind !== 'snapshot' || !PAYOUT_EVENTS.test(event.type)) return []
  const { account, object } = event
  // The platform's own are movements of its balance: reconciliation books them.
  if (account === undefined || object.id === undefined) return []
  const provider = await store.providerByAccount(account)
  if (provider === undefined) return []
  const found = await payments.payoutState({ account, payout: object.id })
  return [
    {
      kind: 'bank-payout',
      at: now(),
      payout: {
        id: found.payout,
        provider: provider.peerId,
        cents: found.cents,
        state: found.status,
        failure: found.failureCode ?? null,
        arrivesAt: found.arrivalMs,
        createdAt: found.createdMs,
      },
    },
  ]
}

/** Which states a state may follow: two that fetched at once may come here in the other order. */
const BEFORE: Record<BankPayout['state'], readonly string[]> = {
  pending: [],
  in_transit: ['pending'],
  paid: ['pending', 'in_transit'],
  failed: ['pending', 'in_transit', 'paid'],
  canceled: ['pending', 'in_transit', 'paid'],
}

export async function takeBankPayout(tx: Database, given: BankPayout, at: number): Promise<void> {
  const row = {
    ...given,
    arrivesAt: new Date(given.arrivesAt),
    createdAt: new Date(given.createdAt),
    updatedAt: new Date(at),
  }
  const inserted = await tx
    .insert(bankPayout)
    .values(row)
    .onConflictDoNothing()
    .returning({ id: bankPayout.id })
  if (inserted.length > 0 || BEFORE[given.state].length === 0) return
  await tx
    .update(bankPayout)
    .set({
      state: row.state,
      failure: row.failure,
      arrivesAt: row.arrivesAt,
      updatedAt: row.updatedAt,
    })
    .where(and(eq(bankPayout.id, row.id), inArray(bankPayout.state, [...BEFORE[given.state]])))
}

export function bankPayoutStore(db: Database) {
  return {
    /** Newest first. */
    bankPayouts: async (provider: string, limit: number): Promise<BankPayout[]> =>
      (
        await db
          .select()
          .from(bankPayout)
          .where(eq(bankPayout.provider, provider))
          .orderBy(desc(bankPayout.createdAt), sql`${bankPayout.id} desc`)
          .limit(limit)
      ).map(({ updatedAt: _when, ...row }) => ({
        ...row,
        state: row.state as BankPayout['state'],
        arrivesAt: row.arrivesAt.getTime(),
        createdAt: row.createdAt.getTime(),
      })),
  }
}
