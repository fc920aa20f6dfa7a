import { cidOf, decodeCanonical, encodeCanonical, type PackageFile } from '@hanse/protocol'
import { and, eq, gt, lt, sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { attestation, settledStatement } from '../db/schema.ts'
import { LINES_BYTES_MAX } from '../receipts/statement-batch.ts'
import { decodeSigned } from '../receipts/submission.ts'

/** A receipt that was settled by itself. */
export interface SettledRecord {
  /** CID of the order, or what stands for it. */
  readonly session: string
  /** CID. */
  readonly receipt: string
}

interface Evidence {
  readonly order: string | null
  readonly acceptance: string | null
  readonly receipt: string | null
}

/** The records behind events, as packages hold them: DAG-CBOR of signed records, each under its CID. */
export function packageRecordStore(db: Database) {
  return {
    /** CIDs of what settled a session: its receipts, and the statements that it is in. */
    recordsOfSession: async (session: string): Promise<string[]> =>
      (
        await rows<{ record: string }>(
          db,
          sql`select distinct coalesce(r.statement, r.cid) as record
            from settled_session s join settled_receipt r on r.session = s.session
            where s.session = ${session} or s.order_cid = ${session} order by 1`,
        )
      ).map(({ record }) => record),

    /** Of sessions that were settled by their own receipts. What was not kept is left out. */
    packagedSessions: async (settled: readonly SettledRecord[]): Promise<PackageFile[]> => {
      if (settled.length === 0) return []
      const found = await rows<Evidence>(
        db,
        sql`select encode(s.signed_order, 'base64') as "order", encode(s.signed_acceptance, 'base64') as acceptance,
            encode(r.signed, 'base64') as receipt
          from ${recordset(settled, 'x(session text, receipt text)')}
          join settled_session s on s.session = x.session
          join settled_receipt r on r.session = x.session and r.cid = x.receipt
          order by s.session, r.sequence`,
      )
      // Of several receipts of one session the last stands for all.
      const files = new Map(found.flatMap((row) => sessionOf(row) ?? []))
      return [...files].map(([path, bytes]) => ({ path, bytes }))
    },

    /** DAG-CBOR of the lines of a statement. */
    linesOfStatement: async (cid: string): Promise<Uint8Array | undefined> => {
      const [row] = await db
        .select({ lines: settledStatement.lines })
        .from(settledStatement)
        .where(eq(settledStatement.cid, cid))
      return row?.lines
    },

    /** @param cid of a statement */
    packagedStatement: async (cid: string): Promise<PackageFile | undefined> => {
      const [row] = await db.select().from(settledStatement).where(eq(settledStatement.cid, cid))
      if (row === undefined) return undefined
      const statement = fieldsOf(row.signed)
      const lines = decodeCanonical(row.lines, LINES_BYTES_MAX)
      return { path: `statements/${cid}.cbor`, bytes: encodeCanonical({ statement, lines }) }
    },

    /** Attestations of a provider that were valid at some time of a period. */
    packagedAttestations: async (
      provider: string,
      { from, to }: { readonly from: number; readonly to: number },
    ): Promise<PackageFile[]> =>
      (
        await db
          .select({ cid: attestation.cid, signed: attestation.signed })
          .from(attestation)
          .where(
            and(
              eq(attestation.provider, provider),
              lt(attestation.notBefore, new Date(to)),
              gt(attestation.notAfter, new Date(from)),
            ),
          )
          .orderBy(attestation.cid)
      ).map(({ cid, signed }) => ({
        path: `attestations/${cid}.cbor`,
        bytes: encodeCanonical(fieldsOf(signed)),
      })),
  }
}

function sessionOf({ order, acceptance, receipt }: Evidence): [string, Uint8Array][] | undefined {
  if (order === null || acceptance === null || receipt === null) return undefined
  const [ordered, accepted, last] = [order, acceptance, receipt].map((text) =>
    fieldsOf(Buffer.from(text, 'base64')),
  )
  if (ordered === undefined || accepted === undefined || last === undefined) return undefined
  const bytes = encodeCanonical({ order: ordered, acceptance: accepted, receipt: last })
  return [[`sessions/${cidOf(ordered.bytes).toString()}.cbor`, bytes]]
}

function fieldsOf(stored: Uint8Array) {
  const { bytes, signatures } = decodeSigned(new Uint8Array(stored))
  return {
    bytes,
    signatures: signatures.map(({ signer, role, signature }) => ({ signer, role, signature })),
  }
}
