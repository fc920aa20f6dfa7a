import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import {
  ACCOUNT_KINDS,
  type AccountId,
  type AccountKind,
  accountParts,
} from '../ledger/accounts.ts'

/** An account with what ever went out of it and into it, pico-euro. */
export interface AccountRow {
  readonly account: AccountId
  readonly kind: AccountKind
  readonly owner: string
  readonly debits: PicoEuro
  readonly credits: PicoEuro
}

/** All accounts of a kind together. */
export interface KindTotal {
  readonly kind: AccountKind
  readonly accounts: number
  readonly debits: PicoEuro
  readonly credits: PicoEuro
}

export interface AccountsQuery {
  readonly kind?: AccountKind
  /** An organization, a provider's peer id, or `platform`. */
  readonly owner?: string
  /** The account that the page before ended with. */
  readonly after?: AccountId
  readonly limit: number
}

interface StoredAccount {
  readonly kind: AccountKind
  readonly owner: string
  readonly account: AccountId
  readonly debits: string
  readonly credits: string
}

export function ledgerAccountStore(db: Database) {
  return {
    /** By kind and owner, which is the order of an index. */
    ledgerAccounts: async ({ kind, owner, after, limit }: AccountsQuery): Promise<AccountRow[]> => {
      const past = after === undefined ? undefined : accountParts(after)
      const wanted: SQL[] = [
        // All kinds, so that one owner's accounts are found by the index on both.
        sql`a.kind = any(${textArray(kind === undefined ? ACCOUNT_KINDS : [kind])})`,
        ...(owner === undefined ? [] : [sql`a.owner = ${owner}`]),
        ...(past === undefined ? [] : [sql`(a.kind, a.owner) > (${past.kind}, ${past.owner})`]),
      ]
      const found = await rows<StoredAccount>(
        db,
        sql`select a.id as account, a.kind, a.owner, b.debits::text as debits, b.credits::text as credits
          from ledger_account a join ledger_balance b on b.account = a.id
          where ${sql.join(wanted, sql` and `)} order by a.kind, a.owner limit ${limit}`,
      )
      return found.map((row) => ({ ...row, ...sums(row) }))
    },

    /** The trial balance: debits and credits of all kinds are the same sum. */
    ledgerTotals: async (): Promise<KindTotal[]> => {
      const found = await rows<Omit<StoredAccount, 'account' | 'owner'> & { accounts: number }>(
        db,
        sql`select a.kind, count(*)::int4 as accounts, sum(b.debits)::text as debits, sum(b.credits)::text as credits
          from ledger_account a join ledger_balance b on b.account = a.id group by a.kind`,
      )
      return ACCOUNT_KINDS.flatMap((kind) => {
        const row = found.find((one) => one.kind === kind)
        return row === undefined ? [] : [{ kind, accounts: row.accounts, ...sums(row) }]
      })
    },
  }
}

const sums = ({ debits, credits }: Pick<StoredAccount, 'debits' | 'credits'>) => ({
  debits: picoEuro(BigInt(debits)),
  credits: picoEuro(BigInt(credits)),
})
