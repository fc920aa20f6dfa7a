import { and, asc, desc, eq, isNull, or } from 'drizzle-orm'
import { type Database, databaseFault, LostRace, transact } from '../db/database.ts'
import {
  receiptConflict,
  settledSession,
  spendAuthorization,
  statementConflict,
} from '../db/schema.ts'
import { olderThan, type TimeCursor } from '../db/time-cursor.ts'
import { writeEvents } from '../log/write-events.ts'
import { emitEvents } from '../notifications/emit.ts'
import { BookingPlan } from './booking-plan.ts'
import type { Claim, StatementClaim } from './claim.ts'
import type { Booking, BookingPolicy } from './decide-booking.ts'
import type { StatementBooking } from './decide-statement.ts'
import { type Batch, knownFacts, lockBatch } from './known-facts.ts'
import { postBookings } from './post-bookings.ts'
import { notToldYet } from './violations-told.ts'
import { writeConflicts } from './write-conflicts.ts'

export interface SessionRow {
  readonly session: string
  readonly consumer: string
  readonly provider: string
  readonly organization: string | null
  readonly model: string
  /** Of the last receipt that is booked. */
  readonly sequence: bigint
  readonly receipt: string
  readonly amount: bigint
  readonly fee: bigint
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  readonly final: string | null
  /** CID of the statement that holds it, if one does. */
  readonly statement: string | null
  readonly acceptedAt: number
  readonly updatedAt: number
}

export function receiptStore(db: Database) {
  return {
    /**
     * Books a batch in one transaction; results are in the order of the claims. Of processes that book the same session
     * at once, the second waits and then finds what the first did.
     */
    bookReceipts: (
      claims: readonly Claim[],
      policy: BookingPolicy,
      at: number,
    ): Promise<Booking[]> =>
      book(db, { claims, statements: [] }, policy, at, (plan) =>
        claims.map((claim) => plan.take(claim)),
      ),

    /** As `bookReceipts`, with every session of these statements. */
    bookStatements: (
      statements: readonly StatementClaim[],
      policy: BookingPolicy,
      at: number,
    ): Promise<StatementBooking[]> =>
      book(
        db,
        { claims: statements.flatMap(({ claims }) => claims), statements },
        policy,
        at,
        (plan) => statements.map((statement) => plan.takeStatement(statement)),
      ),

    /** By the CID of its order. Where two pairs name the same order, the pair is meant that has shown the order. */
    session: async (session: string): Promise<SessionRow | undefined> => {
      const [row] = await db
        .select()
        .from(settledSession)
        .where(or(eq(settledSession.session, session), eq(settledSession.orderCid, session)))
        .orderBy(isNull(settledSession.signedOrder), asc(settledSession.session))
        .limit(1)
      return row && toSession(row)
    },

    /** What an organization paid for, by the time of the last receipt, newest first. `key` is what a cursor takes as its id. */
    sessionsOf: async (query: {
      organization: string
      before?: TimeCursor
      limit: number
    }): Promise<(SessionRow & { readonly key: string })[]> => {
      const { organization, before, limit } = query
      const columns = { at: settledSession.updatedAt, id: settledSession.session }
      const found = await db
        .select()
        .from(settledSession)
        .where(and(eq(settledSession.organization, organization), olderThan(columns, before)))
        .orderBy(desc(settledSession.updatedAt), desc(settledSession.session))
        .limit(limit)
      return found.map((row) => ({ ...toSession(row), key: row.session }))
    },

    /** Statements that are kept as evidence of two truths under one number of a lane. */
    statementConflicts: async (authorization: string): Promise<{ cid: string }[]> =>
      db
        .select({ cid: statementConflict.cid })
        .from(statementConflict)
        .innerJoin(
          spendAuthorization,
          eq(spendAuthorization.serial, statementConflict.authorizationSerial),
        )
        .where(eq(spendAuthorization.cid, authorization)),

    /** How many receipts are kept as evidence of two truths under one number. */
    receiptConflicts: async (session: string): Promise<{ sequence: bigint; cid: string }[]> =>
      db
        .select({ sequence: receiptConflict.sequence, cid: receiptConflict.cid })
        .from(receiptConflict)
        .where(eq(receiptConflict.session, session)),
  }
}

async function book<Results>(
  db: Database,
  batch: Batch,
  policy: BookingPolicy,
  at: number,
  decide: (plan: BookingPlan) => Results,
): Promise<Results> {
  return transact(db, async (tx) => {
    await lockBatch(tx, batch)
    const plan = new BookingPlan(await knownFacts(tx, batch, at), policy)
    const results = decide(plan)
    try {
      await postBookings(tx, plan, at)
      await writeConflicts(tx, plan, at)
      await writeEvents(tx, await notToldYet(tx, plan.events, plan.notices), at)
      await emitEvents(tx, plan.notices, at)
    } catch (error) {
      const { constraint } = databaseFault(error) ?? {}
      if (constraint !== 'settled_receipt_pkey') throw error
      throw new LostRace('another pair has this session', { cause: error })
    }
    return results
  })
}

function toSession(row: typeof settledSession.$inferSelect): SessionRow {
  return {
    session: row.orderCid ?? row.session,
    consumer: row.consumer,
    provider: row.provider,
    organization: row.organization,
    model: row.model,
    sequence: row.sequence,
    receipt: row.receipt,
    amount: row.amount,
    fee: row.fee,
    inputTokens: row.inputTokens,
    cachedInputTokens: row.cachedInputTokens,
    outputTokens: row.outputTokens,
    final: row.final,
    statement: row.statement,
    acceptedAt: row.acceptedAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
  }
}
