import { PICO_PER_CENT } from '@hanse/protocol'
import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import { tell } from '../billing/notice-store.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { automaticTopUp, ledgerBalance, organization, topUp } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { accountId } from '../ledger/accounts.ts'
import {
  type AutomaticDecision,
  type AutomaticSettings,
  decideAutomatic,
  monthStart,
} from './decide-automatic.ts'
import { type TopUpRow, toTopUp } from './top-up-store.ts'

export interface AutomaticTopUp extends AutomaticSettings {
  readonly paymentMethod: string
}

export interface NewAutomatic {
  readonly id: string
  readonly organization: string
  /** What was taxed: when the settings say another amount by now, nothing is charged. */
  readonly cents: bigint
  readonly vatCents: bigint
  readonly tax?: string
  readonly at: number
}

type Stored = typeof automaticTopUp.$inferSelect

export function automaticStore(db: Database) {
  return {
    automaticTopUp: async (organization: string): Promise<AutomaticTopUp | undefined> => {
      const [row] = await db
        .select()
        .from(automaticTopUp)
        .where(eq(automaticTopUp.organization, organization))
      return row && toSettings(row)
    },

    /** Sets it anew: earlier declines are forgotten. */
    setAutomaticTopUp: async (
      organization: string,
      settings: Omit<AutomaticTopUp, 'failures' | 'pausedUntil'>,
      at: number,
    ): Promise<void> => {
      const set = { ...settings, failures: 0, pausedUntil: null, updatedAt: new Date(at) }
      await db
        .insert(automaticTopUp)
        .values({ organization, ...set })
        .onConflictDoUpdate({ target: automaticTopUp.organization, set })
    },

    /** Organizations that may have fallen short, in their order; none that spends nothing because it is restricted. */
    automaticOrganizations: async (after: string, limit: number): Promise<string[]> =>
      (
        await db
          .select({ organization: automaticTopUp.organization })
          .from(automaticTopUp)
          .innerJoin(organization, eq(organization.id, automaticTopUp.organization))
          .where(
            and(
              eq(automaticTopUp.enabled, true),
              isNull(organization.restrictedAt),
              gt(automaticTopUp.organization, after),
            ),
          )
          .orderBy(automaticTopUp.organization)
          .limit(limit)
      ).map(({ organization }) => organization),

    /**
     * Makes the row of an automatic top-up when one is due. The settings' row is its lock and the new row is counted by
     * the next look, so that a shortage is met once, by however many processes it is seen.
     */
    beginAutomaticTopUp: (
      given: NewAutomatic,
    ): Promise<{ decision: AutomaticDecision; topUp?: TopUpRow }> =>
      transact(db, async (tx) => {
        const { organization, at } = given
        const [row] = await tx
          .select()
          .from(automaticTopUp)
          .where(eq(automaticTopUp.organization, organization))
          .for('update')
        if (row === undefined || row.cents !== given.cents) return { decision: 'off' }
        const facts = { ...(await factsOf(tx, organization, at)), now: at }
        const decision = decideAutomatic(toSettings(row), facts)
        if (decision === 'capped') {
          const month = new Date(monthStart(at)).toISOString().slice(0, 7)
          await tell(tx, organization, 'automatic-top-up-capped', month, at)
        }
        if (decision !== 'charge') return { decision }
        return { decision, topUp: await insert(tx, given, row.paymentMethod) }
      }),
  }
}

async function insert(
  tx: Database,
  { id, organization, cents, vatCents, tax, at }: NewAutomatic,
  paymentMethod: string,
): Promise<TopUpRow> {
  const [made] = await tx
    .insert(topUp)
    .values({
      id,
      organization,
      source: 'automatic',
      // Nobody else's key looks like this: the API's keys are kept as they were sent, and these are never sent.
      idempotencyKey: `automatic ${id}`,
      requestDigest: '',
      cents,
      vatCents,
      ...(tax !== undefined && { tax }),
      paymentMethod,
      state: 'pending',
      createdAt: new Date(at),
    })
    .returning()
  if (made === undefined) throw new SettlementError('HANSE_INTERNAL', 'the top-up was not stored')
  return toTopUp(made)
}

/** A page that may never be paid does not count as money on its way. */
async function factsOf(tx: Database, organization: string, at: number) {
  const [balance] = await tx
    .select()
    .from(ledgerBalance)
    .where(eq(ledgerBalance.account, accountId('available', organization)))
  const [sums] = await rows<{ pending: string; month: string }>(
    tx,
    sql`select
      coalesce(sum(cents - vat_cents) filter (where state = 'pending' and source <> 'checkout'), 0)::text as pending,
      coalesce(sum(cents) filter (where source = 'automatic' and state <> 'failed'
        and created_at >= ${new Date(monthStart(at)).toISOString()}::timestamptz), 0)::text as month
      from top_up where organization = ${organization}`,
  )
  return {
    availableCents: ((balance?.credits ?? 0n) - (balance?.debits ?? 0n)) / PICO_PER_CENT,
    pendingCents: BigInt(sums?.pending ?? 0),
    monthCents: BigInt(sums?.month ?? 0),
  }
}

function toSettings(row: Stored): AutomaticTopUp {
  const { enabled, thresholdCents, cents, monthlyCents, paymentMethod, failures } = row
  return {
    enabled,
    thresholdCents,
    cents,
    monthlyCents,
    paymentMethod,
    failures,
    pausedUntil: row.pausedUntil?.getTime() ?? null,
  }
}
