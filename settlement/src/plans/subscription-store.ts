import { and, asc, desc, eq, gt, inArray, isNull, lte, sql } from 'drizzle-orm'
import { tell } from '../billing/notice-store.ts'
import { type Database, databaseFault } from '../db/database.ts'
import { planSubscription, stripeCatalogue } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import type { PlanName } from './catalogue.ts'

/**
 * `requested` until Stripe has answered; `incomplete` waits for the first payment; in `past_due` Stripe tries a payment
 * again: nothing new is credited, and what is there stays.
 */
export type PlanStatus = 'requested' | 'incomplete' | 'active' | 'past_due' | 'ended' | 'refused'

export interface NewSubscription {
  readonly id: string
  readonly organization: string
  readonly idempotencyKey: string
  readonly requestDigest: string
  readonly plan: PlanName
  readonly planVersion: number
  readonly at: number
}

export interface SubscriptionRow {
  readonly id: string
  readonly organization: string
  /** Stripe's id. */
  readonly subscription: string | null
  readonly checkout: string | null
  readonly checkoutUrl: string | null
  readonly plan: PlanName
  readonly planVersion: number
  readonly status: PlanStatus
  readonly periodStart: number | null
  readonly periodEnd: number | null
  readonly cancelAtPeriodEnd: boolean
  /** Counts the changes that were asked for. */
  readonly changes: number
  readonly createdAt: number
}

/** A subscription as Stripe tells it now. */
export interface SubscriptionNews {
  readonly id: string
  readonly subscription: string
  readonly status: Exclude<PlanStatus, 'requested' | 'refused'>
  readonly plan: PlanName | null
  readonly planVersion: number | null
  readonly periodStart: number
  readonly periodEnd: number
  readonly cancelAtPeriodEnd: boolean
  /** When Stripe was asked: it stood so then, or later. */
  readonly at: number
}

type Stored = typeof planSubscription.$inferSelect

const OPEN = ['requested', 'incomplete', 'active', 'past_due'] as const

export function subscriptionStore(db: Database) {
  const first = async (where: ReturnType<typeof and>): Promise<SubscriptionRow | undefined> => {
    const [row] = await db
      .select()
      .from(planSubscription)
      .where(where)
      .orderBy(desc(planSubscription.createdAt))
      .limit(1)
    return row && toSubscription(row)
  }
  return {
    /**
     * Makes the permanent row before Stripe is asked, or finds the one that its key made.
     *
     * @throws {SettlementError} HANSE_PLAN_ACTIVE when the organization has a plan, HANSE_IDEMPOTENCY_KEY
     */
    beginSubscription: async (given: NewSubscription): Promise<SubscriptionRow> => {
      const { at, ...values } = given
      const key = and(
        eq(planSubscription.organization, given.organization),
        eq(planSubscription.idempotencyKey, given.idempotencyKey),
      )
      try {
        await db
          .insert(planSubscription)
          .values({
            ...values,
            status: 'requested',
            createdAt: new Date(at),
            updatedAt: new Date(at),
          })
          .onConflictDoNothing({
            target: [planSubscription.organization, planSubscription.idempotencyKey],
          })
      } catch (error) {
        if (databaseFault(error)?.constraint !== 'plan_subscription_one') throw error
        throw new SettlementError('HANSE_PLAN_ACTIVE', 'the organization has a plan', {
          cause: error,
        })
      }
      const [row] = await db.select().from(planSubscription).where(key)
      if (row?.requestDigest !== given.requestDigest) {
        throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'this key was used for another request')
      }
      return toSubscription(row)
    },

    /** The plan that an organization is on, or the last that it was on. */
    planOf: async (organization: string): Promise<SubscriptionRow | undefined> =>
      (await first(
        and(
          eq(planSubscription.organization, organization),
          inArray(planSubscription.status, [...OPEN]),
        ),
      )) ??
      first(
        and(eq(planSubscription.organization, organization), eq(planSubscription.status, 'ended')),
      ),

    planSubscription: (id: string): Promise<SubscriptionRow | undefined> =>
      first(and(eq(planSubscription.id, id))),

    setPlanCheckout: async (id: string, checkout: string, url: string): Promise<void> => {
      await db
        .update(planSubscription)
        .set({ checkout, checkoutUrl: url })
        .where(and(eq(planSubscription.id, id), isNull(planSubscription.checkout)))
    },

    /** Counts one more change, so that each has an operation of its own. @returns its number */
    nextPlanChange: async (id: string): Promise<number> => {
      const [row] = await db
        .update(planSubscription)
        .set({ changes: sql`${planSubscription.changes} + 1` })
        .where(eq(planSubscription.id, id))
        .returning({ changes: planSubscription.changes })
      return row?.changes ?? 0
    },

    /** Stripe will not, or the page was left: the organization may ask for another. */
    refusePlan: async (id: string, failure: string, at: number): Promise<void> => {
      await db
        .update(planSubscription)
        .set({ status: 'refused', failure, updatedAt: new Date(at) })
        .where(and(eq(planSubscription.id, id), eq(planSubscription.status, 'requested')))
    },

    /** Those that Stripe has not answered for, and whose period should have ended; by id. */
    unsettledPlans: async (
      before: number,
      after: string,
      limit: number,
    ): Promise<SubscriptionRow[]> =>
      (
        await db
          .select()
          .from(planSubscription)
          .where(
            and(
              gt(planSubscription.id, after),
              inArray(planSubscription.status, [...OPEN]),
              lte(
                sql`coalesce(${planSubscription.periodEnd}, ${planSubscription.createdAt})`,
                new Date(before).toISOString(),
              ),
            ),
          )
          .orderBy(asc(planSubscription.id))
          .limit(limit)
      ).map(toSubscription),

    catalogueId: async (name: string): Promise<string | undefined> => {
      const [row] = await db.select().from(stripeCatalogue).where(eq(stripeCatalogue.name, name))
      return row?.id
    },
    catalogueName: async (id: string): Promise<string | undefined> => {
      const [row] = await db.select().from(stripeCatalogue).where(eq(stripeCatalogue.id, id))
      return row?.name
    },
    /** Keeps the first id of a name. @returns the one that is kept */
    setCatalogueId: async (name: string, id: string, at: number): Promise<string> => {
      const [row] = await db
        .insert(stripeCatalogue)
        .values({ name, id, createdAt: new Date(at) })
        .onConflictDoUpdate({ target: stripeCatalogue.name, set: { name } })
        .returning({ id: stripeCatalogue.id })
      return row?.id ?? id
    },
  }
}

/** Takes note of how a subscription stands, inside the transaction of what tells of it. */
export async function applySubscription(tx: Database, news: SubscriptionNews): Promise<void> {
  const { id, subscription, status, periodStart, periodEnd, cancelAtPeriodEnd, at } = news
  const [row] = await tx
    .select()
    .from(planSubscription)
    .where(eq(planSubscription.id, id))
    .for('update')
  if (row === undefined || row.status === 'ended') return
  if (row.status === 'refused' && (await hasPlan(tx, row.organization))) return
  if (status !== 'ended' && isOlder(news, row)) return
  await tx
    .update(planSubscription)
    .set({
      subscription,
      status,
      periodStart: new Date(periodStart),
      periodEnd: new Date(periodEnd),
      cancelAtPeriodEnd,
      updatedAt: new Date(at),
      ...(news.plan !== null && { plan: news.plan }),
      ...(news.planVersion !== null && { planVersion: news.planVersion }),
    })
    .where(eq(planSubscription.id, id))
  const cause = `${id}/${periodEnd}`
  if (status === 'past_due') await tell(tx, row.organization, 'plan-past-due', cause, at)
  if (status === 'ended') await tell(tx, row.organization, 'plan-ended', id, at)
}

/** Of two answers about one subscription the older one has the earlier period, or was asked for earlier. */
function isOlder({ periodEnd, at }: SubscriptionNews, row: Stored): boolean {
  if (row.subscription === null || row.periodEnd === null) return false
  const known = row.periodEnd.getTime()
  return periodEnd < known || (periodEnd === known && at < row.updatedAt.getTime())
}

/** What began after all, when the organization has long had another: an operator has to end one of the two. */
async function hasPlan(tx: Database, organization: string): Promise<boolean> {
  const open = await tx
    .select({ id: planSubscription.id })
    .from(planSubscription)
    .where(
      and(
        eq(planSubscription.organization, organization),
        inArray(planSubscription.status, [...OPEN]),
      ),
    )
  return open.length > 0
}

function toSubscription(row: Stored): SubscriptionRow {
  const { id, organization, subscription, checkout, checkoutUrl, status } = row
  return {
    id,
    organization,
    subscription,
    checkout,
    checkoutUrl,
    plan: row.plan as PlanName,
    planVersion: row.planVersion,
    status,
    periodStart: row.periodStart?.getTime() ?? null,
    periodEnd: row.periodEnd?.getTime() ?? null,
    cancelAtPeriodEnd: row.cancelAtPeriodEnd,
    changes: row.changes,
    createdAt: row.createdAt.getTime(),
  }
}
