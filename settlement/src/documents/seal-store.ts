import { and, eq, isNotNull, isNull, lt, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { accessLog, document, documentKey } from '../db/schema.ts'
import { PLATFORM } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import { rewriteTables } from '../rights/scrub-store.ts'
import { digestCid } from './document-digest.ts'
import { hexOf } from './document-keys.ts'
import { closeBox } from './duty-box.ts'
import type { DutyOpening } from './open-for-duty.ts'
import { refuseOlder, sealClear, sealsDocuments } from './sealing.ts'
import { LISTED } from './stored-document.ts'
import type { VaultDocumentKey } from './vault-document-keys.ts'

/** A document that only a duty opens, and the box that its key is in. */
export interface RestrictedDocument {
  readonly number: string
  readonly organization: string | null
  readonly provider: string | null
  readonly sealed: Uint8Array
  readonly sha256: Uint8Array
  /** Null where the key has not been put into a box so far: then `key` is there. */
  readonly boxed: Uint8Array | null
  readonly duty: Uint8Array | null
  readonly key: Uint8Array | null
}

/** What is written anew when documents or their keys were in the clear, or are gone. */
const SWEPT = ['document', 'document_key']

/** Keys of documents, and documents that wait to be sealed. */
export function sealStore(db: Database) {
  return {
    /** Whether documents are sealed by now; from then on older releases are refused. */
    sealsDocuments: (): Promise<boolean> =>
      transact(db, async (tx) => {
        const seals = await sealsDocuments(tx)
        if (seals) await refuseOlder(tx)
        return seals
      }),

    /** See `sealClear`. */
    sealDocuments: (limit: number, at: number): Promise<number> => sealClear(db, limit, at),

    /** For a database that nobody else has: there is no older release to wait for. */
    sealFromNow: async (): Promise<void> => {
      await db.execute(sql`update document_sealing set since = least(since, now())`)
    },

    /**
     * Writes the files anew where something was sealed or destroyed since the last time, and nothing is in the clear any more.
     *
     * @returns segments of the write-ahead log that were filled with something else; null where this role may not, undefined
     * where there is nothing to do
     */
    sweepDocuments: async (): Promise<number | null | undefined> => {
      const due = await rows(
        db,
        sql`select from document_sealing where swept_at is null
          and not exists (select from document where content is not null)`,
      )
      if (due.length === 0) return undefined
      const ended = await rewriteTables(db, SWEPT)
      await db.execute(sql`update document_sealing set swept_at = now()`)
      return ended
    },

    /**
     * What of keys that only duties may use is still open goes into boxes. What an erasure leaves of them in files is
     * overwritten with all else that it leaves; what was made later, by a sweep.
     */
    boxDocumentKeys: (duty: Uint8Array): Promise<number> =>
      transact(db, async (tx) => {
        const found = await tx
          .select()
          .from(documentKey)
          .where(and(isNotNull(documentKey.restrictedAt), isNotNull(documentKey.key)))
          .for('update')
        for (const { id, key } of found) {
          if (key === null) continue
          await tx
            .update(documentKey)
            .set({ key: null, boxed: closeBox(duty, key), duty })
            .where(eq(documentKey.id, id))
        }
        const isLater = found.some(
          ({ createdAt, restrictedAt }) => restrictedAt !== null && createdAt >= restrictedAt,
        )
        if (isLater) await tx.execute(sql`update document_sealing set swept_at = null`)
        return found.length
      }),

    /** All that there ever were, for the vault. */
    documentKeys: async (): Promise<VaultDocumentKey[]> =>
      (await db.select().from(documentKey).orderBy(documentKey.createdAt, documentKey.id)).map(
        (row) => ({
          id: hexOf(row.id),
          organization: row.organization,
          provider: row.provider,
          year: row.year,
          key: row.key && hexOf(row.key),
          boxed: row.boxed && hexOf(row.boxed),
          duty: row.duty && hexOf(row.duty),
          createdAt: row.createdAt.getTime(),
          restrictedAt: row.restrictedAt?.getTime() ?? null,
          destroyedAt: row.destroyedAt?.getTime() ?? null,
        }),
      ),

    restrictedDocument: async (number: string): Promise<RestrictedDocument | undefined> => {
      const [row] = await db
        .select({ document, key: documentKey })
        .from(document)
        .innerJoin(documentKey, eq(documentKey.id, document.sealedBy))
        .where(and(eq(document.number, number), isNotNull(documentKey.restrictedAt)))
      if (row === undefined || row.document.sealed === null) return undefined
      const { organization, provider, sealed, sha256 } = row.document
      const { boxed, duty, key } = row.key
      return { number, organization, provider, sealed, sha256, boxed, duty, key }
    },

    /** Who opened a document of who was erased, and for what: for the customer that it was, and for the log. */
    recordOpening: (
      { number, duty, reference, by, address }: DutyOpening,
      { at, isLogged }: { readonly at: number; readonly isLogged: boolean },
    ): Promise<void> =>
      transact(db, async (tx) => {
        const [found] = await tx.select(LISTED).from(document).where(eq(document.number, number))
        if (found === undefined) throw new Error(`no document ${number}`)
        await tx.insert(accessLog).values({
          organization: found.organization,
          actor: by,
          action: 'document-opened',
          targets: { number, duty, reference },
          outcome: 'ok',
          address,
          at: new Date(at),
        })
        if (!isLogged) return
        const details = { number, duty, reference, by }
        const record = digestCid(found)
        await writeEvents(tx, [{ kind: 'document-opened', record, owner: PLATFORM, details }], at)
      }),

    /** Whether the log was told of a document, in its place there or waiting for it. */
    isDocumentTold: async (cid: string): Promise<boolean> =>
      (
        await rows(
          db,
          sql`select from log_event where kind = 'document-issued' and record = ${cid} limit 1`,
        )
      ).length > 0,

    /**
     * Destroys keys of years before one whose documents are all gone: what backups have of these documents nobody opens any
     * more.
     */
    destroyDocumentKeys: (beforeYear: number, at: number): Promise<number> =>
      transact(db, async (tx) => {
        const gone = await tx
          .update(documentKey)
          .set({
            key: null,
            boxed: null,
            duty: null,
            organization: null,
            provider: null,
            destroyedAt: new Date(at),
          })
          .where(
            and(
              lt(documentKey.year, beforeYear),
              isNull(documentKey.destroyedAt),
              sql`not exists (select from document d where d.sealed_by = ${documentKey.id})`,
            ),
          )
          .returning({ id: documentKey.id })
        if (gone.length > 0) await tx.execute(sql`update document_sealing set swept_at = null`)
        return gone.length
      }),
  }
}
