import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { ACCOUNT_KINDS, type AccountKind } from './accounts.ts'

/** All accounts of one kind together, pico-euro. */
export interface KindBalance {
  readonly kind: AccountKind
  readonly accounts: number
  readonly debits: bigint
  readonly credits: bigint
}

/** The whole of the books at a glance. */
export function balanceSheetStore(db: Database) {
  return {
    /** In the order of the chart; kinds without an account are left out. */
    balanceSheet: async (): Promise<KindBalance[]> => {
      const found = await rows<{ kind: string; accounts: string; debits: string; credits: string }>(
        db,
        sql`select split_part(account, '/', 1) as kind, count(*)::text as accounts, sum(debits)::text as debits,
            sum(credits)::text as credits
          from ledger_balance group by 1`,
      )
      const byKind = new Map(found.map((row) => [row.kind, row]))
      return ACCOUNT_KINDS.flatMap((kind) => {
        const row = byKind.get(kind)
        if (row === undefined) return []
        const { accounts, debits, credits } = row
        return {
          kind,
          accounts: Number(accounts),
          debits: BigInt(debits),
          credits: BigInt(credits),
        }
      })
    },
  }
}
