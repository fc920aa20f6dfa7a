import { and, asc, eq, isNotNull, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { document } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { writeEvents } from '../log/write-events.ts'
import { issuedFact } from './document-digest.ts'
import { keyForNew } from './document-keys.ts'
import { hashOf, sealedColumns } from './stored-document.ts'

/** By which older releases know that they cannot read documents any more. */
const MIGRATION = '0036_sealed-documents.sql'

/** Whether no process of a release that reads them in the clear is there any more. */
export async function sealsDocuments(tx: Database): Promise<boolean> {
  return (await rows(tx, sql`select from document_sealing where since <= now()`)).length > 0
}

/** From here on older releases do not start on this database. */
export async function refuseOlder(tx: Database): Promise<void> {
  await tx.execute(
    sql`update migration set breaking = true where name = ${MIGRATION} and not breaking`,
  )
}

/**
 * Seals documents that are in the clear, the oldest first. What was not told to the log is told.
 *
 * @param at milliseconds since 1970
 * @returns how many; fewer than the limit when none is left
 */
export const sealClear = (db: Database, limit: number, at: number): Promise<number> =>
  transact(db, async (tx) => {
    if (!(await sealsDocuments(tx))) return 0
    const found = await tx
      .select()
      .from(document)
      .where(isNotNull(document.content))
      .orderBy(asc(document.id))
      .limit(limit)
      .for('update', { skipLocked: true })
    if (found.length === 0) return 0
    await tx.execute(sql`update document_sealing set swept_at = null`)
    for (const row of found) await sealRow(tx, row)
    await writeEvents(tx, found.map(issuedFact), at)
    return found.length
  })

async function sealRow(tx: Database, row: typeof document.$inferSelect): Promise<void> {
  const { id, content, organization, provider } = row
  if (content === null) return
  // What does not have its hash is no document that was issued: in the seal nobody would see that any more.
  if (!Buffer.from(hashOf(content)).equals(Buffer.from(row.sha256))) {
    throw new SettlementError('HANSE_INTERNAL', `${row.number} is not what was issued`)
  }
  const party =
    organization === null
      ? ({ kind: 'provider', id: provider ?? '' } as const)
      : ({ kind: 'organization', id: organization } as const)
  // The year that counts is the one in which it was issued.
  const key = await keyForNew(tx, party, row.issuedAt.getTime())
  await tx
    .update(document)
    .set(sealedColumns(key, content))
    .where(and(eq(document.id, id), isNotNull(document.content)))
}
