import { picoEuro } from '@hanse/protocol'
import { eq, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import {
  consumer,
  provider,
  receiptConflict,
  settledReceipt,
  settledSession,
  spendAuthorization,
} from '../db/schema.ts'
import { toProvider } from '../tenants/tenant-store.ts'
import { BookingPlan, type KnownFacts } from './booking-plan.ts'
import type { Claim } from './claim.ts'
import type { Booking, BookingPolicy } from './decide-booking.ts'
import { postBookings } from './post-bookings.ts'

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
      transact(db, async (tx) => {
        await lock(tx, claims)
        const plan = new BookingPlan(await knownFacts(tx, claims), policy)
        const results = claims.map((claim) => plan.take(claim))
        await postBookings(tx, plan, at)
        return results
      }),

    session: async (session: string): Promise<SessionRow | undefined> => {
      const [row] = await db
        .select()
        .from(settledSession)
        .where(eq(settledSession.session, session))
      return row && toSession(row)
    },

    /** How many receipts are kept as evidence of two truths under one number. */
    receiptConflicts: async (session: string): Promise<{ sequence: bigint; cid: string }[]> =>
      db
        .select({ sequence: receiptConflict.sequence, cid: receiptConflict.cid })
        .from(receiptConflict)
        .where(eq(receiptConflict.session, session)),
  }
}

/**
 * One lock per session, in one order: first those of the authorizations, whose rows the batch will change, then one
 * by name for each session, which may have no row yet.
 */
async function lock(tx: Database, claims: readonly Claim[]): Promise<void> {
  await tx.execute(
    sql`select serial from spend_authorization where cid in (${list(authorizations(claims))}) order by serial for update`,
  )
  await tx.execute(
    sql`select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(value, 0) as key
      from (${list(claims.map(({ session }) => session))}) s order by key) k`,
  )
}

async function knownFacts(tx: Database, claims: readonly Claim[]): Promise<KnownFacts> {
  const sessions = list(claims.map(({ session }) => session))
  const [authorizationRows, sessionRows, receiptRows, providerRows, consumerRows] = [
    await tx
      .select()
      .from(spendAuthorization)
      .where(sql`${spendAuthorization.cid} in (${list(authorizations(claims))})`),
    await tx.select().from(settledSession).where(sql`${settledSession.session} in (${sessions})`),
    await tx
      .select({
        session: settledReceipt.session,
        sequence: settledReceipt.sequence,
        cid: settledReceipt.cid,
      })
      .from(settledReceipt)
      .where(
        sql`(${settledReceipt.session}, ${settledReceipt.sequence}) in (
          select session, sequence from json_to_recordset(${JSON.stringify(
            claims.map(({ session, sequence }) => ({ session, sequence: sequence.toString() })),
          )}::text::json) as x(session text, sequence int8))`,
      ),
    await tx
      .select()
      .from(provider)
      .where(sql`${provider.peerId} in (${list(claims.map((claim) => claim.provider))})`),
    await tx
      .select()
      .from(consumer)
      .where(sql`${consumer.peerId} in (${list(claims.map((claim) => claim.consumer))})`),
  ]
  return {
    authorizations: new Map(
      authorizationRows.map((row) => [
        row.cid,
        {
          serial: row.serial,
          consumer: row.consumer,
          provider: row.provider,
          organization: row.organization,
          remaining: picoEuro(row.limit - row.spent - row.released),
          notAfter: row.notAfter.getTime(),
          closed: row.closedAt !== null,
        },
      ]),
    ),
    sessions: new Map(
      sessionRows.map((row) => [
        row.session,
        { ...row, amount: picoEuro(row.amount), fee: picoEuro(row.fee) },
      ]),
    ),
    receipts: new Map(receiptRows.map((row) => [`${row.session}/${row.sequence}`, row.cid])),
    providers: new Map(providerRows.map((row) => [row.peerId, toProvider(row)])),
    organizations: new Map(consumerRows.map((row) => [row.peerId, row.organization])),
  }
}

const authorizations = (claims: readonly Claim[]) =>
  claims.flatMap(({ authorization }) => authorization ?? [])

/** A list of texts as one parameter, however long it is. */
const list = (values: readonly string[]) =>
  sql`select distinct value from json_array_elements_text(${JSON.stringify(values)}::text::json)`

function toSession(row: typeof settledSession.$inferSelect): SessionRow {
  return {
    session: row.session,
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
    acceptedAt: row.acceptedAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
  }
}
