import { decodeCanonical, decodeLine, type PicoEuro } from '@hanse/protocol'
import { eq } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { settledStatement, spendAuthorization } from '../db/schema.ts'
import type { LedgerEntry } from '../ledger/ledger-store.ts'
import { LINES_BYTES_MAX } from '../receipts/statement-batch.ts'
import { type PaidBy, paidBy, postingsOf } from './transfer-store.ts'

/** One session as a Statement tells it. */
export interface SettledLine {
  /** CID of its order. */
  readonly session: string
  readonly receipt: string
  readonly model: string
  readonly sequence: bigint
  readonly amount: PicoEuro
}

export interface StatementTrail {
  readonly cid: string
  readonly authorization: string
  readonly organization: string
  readonly provider: string
  readonly sessions: number
  readonly amount: bigint
  readonly at: number
  readonly lines: readonly SettledLine[]
  readonly postings: readonly (LedgerEntry & { readonly paidBy: PaidBy | null })[]
}

export function statementTrailStore(db: Database) {
  return {
    /** A Statement with some of its sessions, from `offset` on. */
    statementTrail: async (
      cid: string,
      { offset, limit }: { readonly offset: number; readonly limit: number },
    ): Promise<StatementTrail | undefined> => {
      const [row] = await db
        .select({
          cid: settledStatement.cid,
          sessions: settledStatement.sessions,
          amount: settledStatement.amount,
          lines: settledStatement.lines,
          at: settledStatement.at,
          authorization: spendAuthorization.cid,
          organization: spendAuthorization.organization,
          provider: spendAuthorization.provider,
        })
        .from(settledStatement)
        .innerJoin(
          spendAuthorization,
          eq(spendAuthorization.serial, settledStatement.authorizationSerial),
        )
        .where(eq(settledStatement.cid, cid))
      if (row === undefined) return undefined
      const lines = decodeCanonical(row.lines, LINES_BYTES_MAX) as Uint8Array[]
      return {
        ...row,
        at: row.at.getTime(),
        lines: lines.slice(offset, offset + limit).map(toLine),
        postings: await Promise.all(
          (await postingsOf(db, [cid])).map(async (entry) => ({
            ...entry,
            paidBy: (await paidBy(db, entry)) ?? null,
          })),
        ),
      }
    },
  }
}

function toLine(bytes: Uint8Array): SettledLine {
  const { order, receipt, model, sequence, amount } = decodeLine(bytes)
  return { session: order.toString(), receipt: receipt.toString(), model, sequence, amount }
}
