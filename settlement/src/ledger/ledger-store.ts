import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { and, desc, eq, gt, inArray, lt, type SQL } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { ledgerBalance, ledgerTransfer } from '../db/schema.ts'
import { type AccountId, accountId, type TransferKind } from './accounts.ts'
import { type LedgerReport, ledgerCheck } from './ledger-check.ts'

export interface LedgerEntry {
  readonly id: bigint
  readonly batch: bigint
  readonly debit: AccountId
  readonly credit: AccountId
  readonly amount: PicoEuro
  readonly kind: TransferKind
  readonly reference: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What an organization may still spend, and what is set aside for open authorizations. */
export interface Balance {
  readonly available: PicoEuro
  readonly held: PicoEuro
}

export interface EntriesQuery {
  /** Entries with a smaller id; without it, the newest. */
  readonly before?: bigint
  /** Entries with a larger id. */
  readonly after?: bigint
  readonly limit: number
  readonly account?: string
}

/** Reading the ledger. Writing is `postTransfers`, inside the transaction of what causes it. */
export function ledgerStore(db: Database) {
  return {
    balance: async (organization: string): Promise<Balance> => ({
      ...(await balances(db, {
        available: accountId('available', organization),
        held: accountId('held', organization),
      })),
    }),

    /** Pico-euro that an organization owes the platform. */
    debt: async (organization: string): Promise<PicoEuro> => {
      const { debt } = await balances(db, { debt: accountId('debt', organization) })
      return picoEuro(0n - debt)
    },

    /** What a provider has earned and not been paid, and what is on its way. */
    providerBalance: async (
      provider: string,
    ): Promise<{ payable: PicoEuro; inTransit: PicoEuro }> =>
      balances(db, {
        payable: accountId('payable', provider),
        inTransit: accountId('payout_in_transit', provider),
      }),

    /** What the platform has earned in fees. */
    revenue: async (): Promise<PicoEuro> =>
      (await balances(db, { revenue: accountId('revenue', 'platform') })).revenue,

    ledgerCheck: (): Promise<LedgerReport> => ledgerCheck(db),

    /** Newest first. */
    ledgerEntries: async ({
      before,
      after,
      limit,
      account,
    }: EntriesQuery): Promise<LedgerEntry[]> => {
      const { id, debit, credit } = ledgerTransfer
      const page = (side?: SQL) =>
        db
          .select()
          .from(ledgerTransfer)
          .where(
            and(
              before === undefined ? undefined : lt(id, before),
              after === undefined ? undefined : gt(id, after),
              side,
            ),
          )
          .orderBy(desc(id))
          .limit(limit)
      // Each side by its index: of an account that rests, one look over both would read the ledger from its end.
      const found =
        account === undefined
          ? await page()
          : newest(
              [...(await page(eq(debit, account))), ...(await page(eq(credit, account)))],
              limit,
            )
      return found.map((row) => ({
        ...row,
        debit: row.debit as AccountId,
        credit: row.credit as AccountId,
        kind: row.kind as TransferKind,
        amount: picoEuro(row.amount),
        at: row.at.getTime(),
      }))
    },
  }
}

const newest = <Row extends { readonly id: bigint }>(found: readonly Row[], limit: number): Row[] =>
  found.toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit)

async function balances<Name extends string>(
  db: Database,
  accounts: Record<Name, AccountId>,
): Promise<Record<Name, PicoEuro>> {
  const names = Object.keys(accounts) as Name[]
  const found = await db
    .select()
    .from(ledgerBalance)
    .where(
      inArray(
        ledgerBalance.account,
        names.map((name) => accounts[name]),
      ),
    )
  const amount = (name: Name) => {
    const row = found.find(({ account }) => account === accounts[name])
    return picoEuro(row === undefined ? 0n : row.credits - row.debits)
  }
  return Object.fromEntries(names.map((name) => [name, amount(name)])) as Record<Name, PicoEuro>
}
