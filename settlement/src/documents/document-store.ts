import { and, desc, eq, gt, gte, inArray, lt, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { closedMonth, document, organization } from '../db/schema.ts'
import type { ClosingDecision } from './close-month.ts'
import type { DocumentDraft } from './document.ts'
import type { MonthFacts, PaymentFacts, RefundFacts } from './facts.ts'
import { documentOn, issueDocument, type NewDocument, statementBefore } from './issue-document.ts'
import { type LineQuery, type LineReceipt, lineReceipts } from './line-records.ts'
import { type Month, monthOf, type Period } from './month.ts'
import {
  accountKindsOf,
  type MonthParty,
  monthFacts,
  type TransferRange,
  transferRange,
} from './month-facts.ts'
import {
  paymentFacts,
  paymentsWithoutInvoice,
  refundFacts,
  refundsWithoutNote,
} from './payment-facts.ts'
import {
  LISTED,
  type ListedDocument,
  type StoredDocument,
  storedOf,
  toListed,
} from './stored-document.ts'

export interface DocumentQuery {
  readonly organization?: string
  readonly provider?: string
  readonly kind?: DocumentDraft['kind']
  /** Those with a smaller id. */
  readonly before?: bigint
  readonly limit: number
}

/** Parties whose books a month moved, in their order, after one. */
export interface PartyQuery {
  readonly kind: MonthParty['kind']
  readonly range: TransferRange
  readonly after: string
  readonly limit: number
}

/** Invoices, credit notes and statements, and the records that they are made of. */
/** No books are older: an entry that says so was dated by a clock that stood at its zero. */
const BEGINNING = Date.UTC(2026, 0)

export function documentStore(db: Database) {
  return {
    /** See `issueDocument`. */
    issueDocument: (given: NewDocument): Promise<StoredDocument> => issueDocument(db, given),

    document: async (number: string): Promise<StoredDocument | undefined> => {
      const [row] = await db.select().from(document).where(eq(document.number, number))
      return row && storedOf(db, row)
    },

    documentOn: (
      kind: DocumentDraft['kind'],
      subject: string,
    ): Promise<StoredDocument | undefined> => documentOn(db, kind, subject),

    /** Newest first. */
    documents: async (query: DocumentQuery): Promise<ListedDocument[]> => {
      const found = await db
        .select(LISTED)
        .from(document)
        .where(
          and(
            query.organization === undefined
              ? undefined
              : eq(document.organization, query.organization),
            query.provider === undefined ? undefined : eq(document.provider, query.provider),
            query.kind === undefined ? undefined : eq(document.kind, query.kind),
            query.before === undefined ? undefined : lt(document.id, query.before),
          ),
        )
        .orderBy(desc(document.id))
        .limit(query.limit)
      return found.map(toListed)
    },

    /** The advances that an organization was invoiced for, and given back, in a period; oldest first. */
    advancesIn: async (id: string, { from, to }: Period): Promise<ListedDocument[]> =>
      (
        await db
          .select(LISTED)
          .from(document)
          .where(
            and(
              eq(document.organization, id),
              inArray(document.kind, ['advance-invoice', 'credit-note']),
              gte(document.taxPoint, new Date(from)),
              lt(document.taxPoint, new Date(to)),
            ),
          )
          .orderBy(document.id)
      ).map(toListed),

    /** Of both sides, with their tax point in a period, by id after one. */
    documentsByTaxPoint: async (
      { from, to }: Period,
      after: bigint,
      limit: number,
    ): Promise<ListedDocument[]> =>
      (
        await db
          .select(LISTED)
          .from(document)
          .where(
            and(
              gt(document.id, after),
              gte(document.taxPoint, new Date(from)),
              lt(document.taxPoint, new Date(to)),
            ),
          )
          .orderBy(document.id)
          .limit(limit)
      ).map(toListed),

    statementBefore: (
      kind: 'usage-statement' | 'provider-statement',
      party: string,
      from: number,
    ): Promise<ListedDocument | undefined> => statementBefore(db, kind, party, from),

    /** Payments since an instant that have no invoice, oldest first. */
    paymentsWithoutInvoice: (since: number, limit: number): Promise<PaymentFacts[]> =>
      paymentsWithoutInvoice(db, since, limit),

    paymentFacts: (subject: string): Promise<PaymentFacts | undefined> => paymentFacts(db, subject),

    refundsWithoutNote: (limit: number): Promise<RefundFacts[]> => refundsWithoutNote(db, limit),

    refundFacts: (subject: string): Promise<RefundFacts | undefined> => refundFacts(db, subject),

    transferRange: (period: Period): Promise<TransferRange> => transferRange(db, period),

    monthFacts: (party: MonthParty, period: Period, range: TransferRange): Promise<MonthFacts> =>
      monthFacts(db, party, period, range),

    partiesIn: async ({ kind, range, after, limit }: PartyQuery): Promise<string[]> => {
      const within = sql`t.id between ${range.first.toString()}::int8 and ${range.last.toString()}::int8`
      const kinds = sql.join(
        accountKindsOf(kind).map((name) => sql`${name}`),
        sql`, `,
      )
      // Both kinds of party may have debts.
      const isParty =
        kind === 'organization'
          ? sql`exists (select from organization o where o.id = a.owner)`
          : sql`exists (select from provider p where p.peer_id = a.owner)`
      const found = await rows<{ owner: string }>(
        db,
        sql`select distinct a.owner from ledger_account a
          where a.kind in (${kinds}) and a.owner > ${after} and ${isParty} and (
            exists (select from ledger_transfer t where t.debit = a.id and ${within})
            or exists (select from ledger_transfer t where t.credit = a.id and ${within}))
          order by a.owner limit ${limit}`,
      )
      return found.map(({ owner }) => owner)
    },

    organizationName: async (id: string): Promise<string | undefined> => {
      const [row] = await db
        .select({ name: organization.name })
        .from(organization)
        .where(eq(organization.id, id))
      return row?.name
    },

    lineReceipts: (query: LineQuery): Promise<LineReceipt[]> => lineReceipts(db, query),

    /** The month of the first transfer ever, and the latest that is closed. */
    closedMonths: async (): Promise<{ first: Month | null; last: Month | null }> => {
      const [found] = await rows<{ first: string | null; last: string | null }>(
        db,
        sql`select (extract(epoch from (select at from ledger_transfer order by id limit 1)) * 1000)::int8::text
            as first, (select max(month) from closed_month)::text as last`,
      )
      const first = found?.first ?? null
      return {
        first: first === null ? null : monthOf(Math.max(Number(first), BEGINNING)),
        last: (found?.last?.slice(0, 7) ?? null) as Month | null,
      }
    },

    isClosed: async (month: Month): Promise<boolean> => {
      const found = await db
        .select({ month: closedMonth.month })
        .from(closedMonth)
        .where(eq(closedMonth.month, `${month}-01`))
      return found.length > 0
    },

    /** By whoever is first. */
    markClosed: async (month: Month, at: number, decision: ClosingDecision): Promise<void> => {
      const { by, reason, open } = decision
      await db
        .insert(closedMonth)
        .values({
          month: `${month}-01`,
          closedAt: new Date(at),
          closedBy: by,
          reason,
          openPoints: open,
        })
        .onConflictDoNothing()
    },
  }
}
