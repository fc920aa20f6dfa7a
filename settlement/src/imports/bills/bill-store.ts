import { sql } from 'drizzle-orm'
import { recordset } from '../../db/column-lists.ts'
import { type Database, rows } from '../../db/database.ts'
import { type Bill, type BillLine, billDigest, billId } from './bill.ts'
import type { Decision } from './compare-bill.ts'

export interface StoredBill extends Omit<Bill, 'lines'> {
  readonly id: string
  /** Who brought it. */
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly at: number
}

interface BillRow {
  readonly id: string
  readonly provider: string
  readonly reference: string
  readonly currency: string
  readonly period_start: string
  readonly period_end: string
  readonly actor: string
  readonly at: string
}

export interface NewBill {
  readonly organization: string
  readonly bill: Bill
  readonly actor: string
  readonly at: number
}

const epoch = (name: string) =>
  sql.raw(`(extract(epoch from ${name}) * 1000)::int8::text as ${name}`)
const COLUMNS = sql`id, provider, reference, currency, ${epoch('period_start')}, ${epoch('period_end')}, actor,
  ${epoch('at')}`
const instant = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

/** Bills of other providers, and what was said about them. */
export function billStore(db: Database) {
  return {
    /** With its lines, once. @returns `conflict` where another bill has its number */
    addProviderBill: async ({
      organization,
      bill,
      actor,
      at,
    }: NewBill): Promise<'added' | 'duplicate' | 'conflict'> => {
      const id = billId(organization, bill)
      const digest = billDigest(bill)
      const lines = bill.lines.map((line, i) => ({ ...line, line: i + 1 }))
      const added = await rows(
        db,
        sql`with made as (
            insert into provider_bill (organization, id, provider, reference, period_start, period_end, currency, digest,
              actor, at)
            values (${organization}, ${id}, ${bill.provider}, ${bill.reference}, ${instant(bill.periodStart)},
              ${instant(bill.periodEnd)}, ${bill.currency}, ${digest}, ${actor}, ${instant(at)})
            on conflict do nothing returning organization, id),
          lines as (
            insert into provider_bill_line (organization, bill, line, model, sku, amount)
            select organization, id, x.line, x.model, x.sku, x.amount
            from made cross join ${recordset(lines, 'x(line int4, model text, sku text, amount text)')})
          select id from made`,
      )
      if (added.length > 0) return 'added'
      const [known] = await rows<{ digest: string }>(
        db,
        sql`select digest from provider_bill where organization = ${organization} and id = ${id}`,
      )
      return known?.digest === digest ? 'duplicate' : 'conflict'
    },

    /** In the order of their ids. */
    providerBills: async (
      organization: string,
      after: string,
      limit: number,
    ): Promise<StoredBill[]> =>
      (
        await rows<BillRow>(
          db,
          sql`select ${COLUMNS} from provider_bill where organization = ${organization} and id > ${after}
            order by id limit ${limit}`,
        )
      ).map(toBill),

    providerBill: async (
      organization: string,
      id: string,
    ): Promise<{ bill: StoredBill; lines: BillLine[]; decisions: Decision[] } | undefined> => {
      const [found] = await rows<BillRow>(
        db,
        sql`select ${COLUMNS} from provider_bill where organization = ${organization} and id = ${id}`,
      )
      if (found === undefined) return undefined
      const lines = await rows<BillLine>(
        db,
        sql`select model, sku, amount from provider_bill_line
          where organization = ${organization} and bill = ${id} order by line`,
      )
      const decisions = await rows<Omit<Decision, 'at'> & { at: string }>(
        db,
        sql`select model, state, reason, difference, actor, ${epoch('at')} from provider_bill_decision
          where organization = ${organization} and bill = ${id} order by provider_bill_decision.id`,
      )
      return {
        bill: toBill(found),
        lines,
        decisions: decisions.map(({ at, ...decision }) => ({ ...decision, at: Number(at) })),
      }
    },

    decideProviderBill: async (
      { organization, bill }: { readonly organization: string; readonly bill: string },
      { model, state, reason, difference, actor, at }: Decision,
    ): Promise<void> => {
      await db.execute(sql`insert into provider_bill_decision (organization, bill, model, state, reason, difference,
        actor, at) values (${organization}, ${bill}, ${model}, ${state}, ${reason}, ${difference}, ${actor},
        ${instant(at)})`)
    },
  }
}

const toBill = ({ period_start, period_end, at, ...row }: BillRow): StoredBill => ({
  ...row,
  periodStart: Number(period_start),
  periodEnd: Number(period_end),
  at: Number(at),
})
