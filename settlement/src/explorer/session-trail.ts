import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { and, asc, desc, eq, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import {
  receiptConflict,
  settledReceipt,
  settledSession,
  spendAuthorization,
} from '../db/schema.ts'
import { olderThan, type TimeCursor } from '../db/time-cursor.ts'
import type { LedgerEntry } from '../ledger/ledger-store.ts'
import { type PaidBy, paidBy, postingsOf } from './transfer-store.ts'

/** A session as operators see it; `key` is what it is stored under, which an order that two pairs name is only a part of. */
export interface SessionSummary {
  readonly key: string
  readonly session: string
  readonly organization: string | null
  readonly consumer: string
  readonly provider: string
  readonly model: string
  readonly amount: PicoEuro
  readonly fee: PicoEuro
  readonly receipt: string
  readonly statement: string | null
  readonly updatedAt: number
  /** Since when nothing more is booked of it; null when it is not frozen. */
  readonly frozenAt: number | null
}

export interface BookedReceipt {
  readonly sequence: bigint
  readonly cid: string
  readonly amount: PicoEuro
  /** What it booked over what was booked before. */
  readonly increase: PicoEuro
  readonly statement: string | null
  readonly at: number
}

export interface SessionTrail extends SessionSummary {
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  readonly sequence: bigint
  readonly final: string | null
  readonly acceptedAt: number
  readonly authorization: string | null
  /** The last so many, oldest first. */
  readonly receipts: readonly BookedReceipt[]
  readonly conflicts: readonly {
    readonly sequence: bigint
    readonly cid: string
    readonly at: number
  }[]
  /** Of a Statement, one for all of its sessions. */
  readonly postings: readonly (LedgerEntry & { readonly paidBy: PaidBy | null })[]
}

export interface SessionsQuery {
  readonly organization?: string
  readonly provider?: string
  /** Only those that wait for a decision. */
  readonly frozen?: boolean
  readonly before?: TimeCursor
  readonly limit: number
}

/** A receipt every few hundred tokens: the longest sessions have about so many. */
const RECEIPTS_MAX = 200
const CONFLICTS_MAX = 50

export function sessionTrailStore(db: Database) {
  return {
    /** Newest first, by what the query names first: each has its index. */
    settledSessions: async (query: SessionsQuery): Promise<SessionSummary[]> => {
      const { organization, provider, frozen, before, limit } = query
      // A session that is frozen is not booked on, but a decision may thaw it: then it is in the list no more.
      const at = frozen === true ? frozenAt : settledSession.updatedAt
      const found = await db
        .select({ ...columns, frozenAt })
        .from(settledSession)
        .where(
          and(
            organization === undefined ? undefined : eq(settledSession.organization, organization),
            provider === undefined ? undefined : eq(settledSession.provider, provider),
            frozen === true ? isNotNull(sql`frozen_at`) : undefined,
            frozen === true
              ? before && sql`(frozen_at, session) < (${iso(before.at)}::timestamptz, ${before.id})`
              : olderThan({ at: settledSession.updatedAt, id: settledSession.session }, before),
          ),
        )
        .orderBy(desc(at), desc(settledSession.session))
        .limit(limit)
      return found.map(toSummary)
    },

    /** By its key, or by the CID of its order: see `session` of the receipts' store. */
    sessionTrail: async (session: string): Promise<SessionTrail | undefined> => {
      const [row] = await db
        .select({ ...columns, frozenAt, authorization: spendAuthorization.cid })
        .from(settledSession)
        .leftJoin(
          spendAuthorization,
          eq(spendAuthorization.serial, settledSession.authorizationSerial),
        )
        .where(or(eq(settledSession.session, session), eq(settledSession.orderCid, session)))
        .orderBy(isNull(settledSession.signedOrder), asc(settledSession.session))
        .limit(1)
      if (row === undefined) return undefined
      const receipts = await receiptsOf(db, row.key)
      const { inputTokens, cachedInputTokens, outputTokens, sequence, final, authorization } = row
      return {
        ...toSummary(row),
        inputTokens,
        cachedInputTokens,
        outputTokens,
        sequence,
        final,
        authorization,
        acceptedAt: row.acceptedAt.getTime(),
        receipts,
        conflicts: await conflictsOf(db, row.key),
        postings: await postings(db, row.key, row.receipt, receipts),
      }
    },
  }
}

const frozenAt: SQL<string | null> = sql<
  string | null
>`(extract(epoch from frozen_at) * 1000)::int8::text`
const columns = {
  key: settledSession.session,
  orderCid: settledSession.orderCid,
  organization: settledSession.organization,
  consumer: settledSession.consumer,
  provider: settledSession.provider,
  model: settledSession.model,
  amount: settledSession.amount,
  fee: settledSession.fee,
  receipt: settledSession.receipt,
  statement: settledSession.statement,
  sequence: settledSession.sequence,
  inputTokens: settledSession.inputTokens,
  cachedInputTokens: settledSession.cachedInputTokens,
  outputTokens: settledSession.outputTokens,
  final: settledSession.final,
  acceptedAt: settledSession.acceptedAt,
  updatedAt: settledSession.updatedAt,
}

async function receiptsOf(db: Database, session: string): Promise<BookedReceipt[]> {
  const found = await db
    .select()
    .from(settledReceipt)
    .where(eq(settledReceipt.session, session))
    .orderBy(desc(settledReceipt.sequence))
    .limit(RECEIPTS_MAX)
  return found.toReversed().map(({ sequence, cid, amount, increase, statement, at }) => ({
    sequence,
    cid,
    amount: picoEuro(amount),
    increase: picoEuro(increase),
    statement,
    at: at.getTime(),
  }))
}

async function conflictsOf(db: Database, session: string) {
  const found = await db
    .select()
    .from(receiptConflict)
    .where(eq(receiptConflict.session, session))
    .orderBy(asc(receiptConflict.sequence), asc(receiptConflict.cid))
    .limit(CONFLICTS_MAX)
  return found.map(({ sequence, cid, at }) => ({ sequence, cid, at: at.getTime() }))
}

/** Under what a receipt is posted: see `BookingPlan`. What an operator kept of two is posted by itself. */
async function postings(
  db: Database,
  session: string,
  last: string,
  receipts: readonly BookedReceipt[],
) {
  const references = receipts.flatMap(({ cid, statement }) =>
    statement === null ? [cid] : [statement, `${statement}/${session}`],
  )
  const found = await postingsOf(db, [...new Set([...references, last])])
  return Promise.all(
    found.map(async (entry) => ({ ...entry, paidBy: (await paidBy(db, entry)) ?? null })),
  )
}

type Row = Pick<
  typeof settledSession.$inferSelect,
  'orderCid' | 'organization' | 'consumer' | 'provider' | 'model' | 'receipt' | 'statement'
> & { key: string; amount: bigint; fee: bigint; updatedAt: Date; frozenAt: string | null }

const toSummary = (row: Row): SessionSummary => ({
  key: row.key,
  session: row.orderCid ?? row.key,
  organization: row.organization,
  consumer: row.consumer,
  provider: row.provider,
  model: row.model,
  amount: picoEuro(row.amount),
  fee: picoEuro(row.fee),
  receipt: row.receipt,
  statement: row.statement,
  updatedAt: row.updatedAt.getTime(),
  frozenAt: row.frozenAt === null ? null : Number(row.frozenAt),
})

const iso = (at: number) => new Date(at).toISOString()
