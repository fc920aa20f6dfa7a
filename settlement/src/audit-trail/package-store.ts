import { createHash, randomBytes } from 'node:crypto'
import { HanseError, openPersonal, SEAL_NONCE_BYTES, sealPersonal } from '@hanse/protocol'
import { and, asc, desc, eq, isNotNull, isNull, lte, or, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { auditPackage, subjectKey } from '../db/schema.ts'
import { olderThan, type TimeCursor } from '../db/time-cursor.ts'
import { ownerOf } from '../log/log-fact.ts'
import { subjectKeys } from '../log/subject-keys.ts'
import { type AuditPackage, PACKAGES_WAITING_MAX, type PackageRequest } from './audit-package.ts'

/** One that is to be made now, by whoever claimed it. */
export interface ClaimedPackage extends AuditPackage {
  /** Which try this is, from 1 on. */
  readonly attempt: number
}

type Row = typeof auditPackage.$inferSelect

/** Archives are sealed with the key of whom they are about: an erasure that destroys it ends them, in backups too. */
export function packageStore(db: Database) {
  return {
    /** @returns whether it was taken: not when as many are being made */
    addAuditPackage: (given: PackageRequest, at: number): Promise<boolean> =>
      transact(db, async (tx) => {
        const waiting = await tx.$count(auditPackage, isWaiting(given.organization))
        if (waiting >= PACKAGES_WAITING_MAX) return false
        const { from, to, sessions, ...rest } = given
        await tx.insert(auditPackage).values({
          ...rest,
          from: new Date(from),
          to: new Date(to),
          sessions: [...sessions],
          state: 'waiting',
          createdAt: new Date(at),
        })
        return true
      }),

    /** Newest first. */
    auditPackages: async (query: {
      readonly organization: string
      readonly before?: TimeCursor
      readonly limit: number
    }): Promise<AuditPackage[]> =>
      (
        await db
          .select()
          .from(auditPackage)
          .where(
            and(
              eq(auditPackage.organization, query.organization),
              olderThan({ at: auditPackage.createdAt, id: auditPackage.id }, query.before),
            ),
          )
          .orderBy(desc(auditPackage.createdAt), desc(auditPackage.id))
          .limit(query.limit)
      ).map(toPackage),

    auditPackage: async (organization: string, id: string): Promise<AuditPackage | undefined> => {
      const [row] = await db.select().from(auditPackage).where(isOf(organization, id))
      return row && toPackage(row)
    },

    /** The archive; `undefined` before it is made, after its time, and once its key was destroyed. */
    auditPackageFile: async (organization: string, id: string): Promise<Uint8Array | undefined> => {
      const [row] = await db
        .select({ content: auditPackage.content })
        .from(auditPackage)
        .where(isOf(organization, id))
      if (row === undefined || row.content === null) return undefined
      const [kept] = await db
        .select({ key: subjectKey.key })
        .from(subjectKey)
        .where(eq(subjectKey.owner, ownerOf('organization', organization)))
      return kept?.key == null ? undefined : openedWith(kept.key, row.content)
    },

    /** Takes the one that waits longest, for a while: who does not say by then what became of it has died. */
    claimAuditPackage: (at: number, leaseMs: number): Promise<ClaimedPackage | undefined> =>
      transact(db, async (tx) => {
        const [due] = await tx
          .select()
          .from(auditPackage)
          .where(
            and(
              eq(auditPackage.state, 'waiting'),
              or(isNull(auditPackage.leasedUntil), lte(auditPackage.leasedUntil, new Date(at))),
            ),
          )
          .orderBy(asc(auditPackage.createdAt), asc(auditPackage.id))
          .limit(1)
          .for('update', { skipLocked: true })
        if (due === undefined) return undefined
        const [row] = await tx
          .update(auditPackage)
          .set({ attempts: due.attempts + 1, leasedUntil: new Date(at + leaseMs) })
          .where(eq(auditPackage.id, due.id))
          .returning()
        return row && { ...toPackage(row), attempt: row.attempts }
      }),

    /** @returns whether it is still this try's */
    tellAuditPackage: async (
      id: string,
      attempt: number,
      { done, total }: { readonly done: number; readonly total: number },
    ): Promise<boolean> =>
      (
        await db
          .update(auditPackage)
          .set({ done, total })
          .where(isTry(id, attempt))
          .returning({ id: auditPackage.id })
      ).length > 0,

    /** Keeps the archive, unless somebody else has taken it since. */
    keepAuditPackage: (
      { id, organization, attempt }: ClaimedPackage,
      archive: Uint8Array,
      times: { readonly at: number; readonly expiresAt: number },
    ): Promise<void> =>
      transact(db, async (tx) => {
        const owner = ownerOf('organization', organization)
        const key = (await subjectKeys(tx, [owner], times.at, randomBytes)).get(owner)
        if (key === undefined) throw new Error('a subject without a key')
        const content = sealPersonal(key.key, randomBytes(SEAL_NONCE_BYTES), archive)
        await tx
          .update(auditPackage)
          .set({
            state: 'done',
            content,
            bytes: BigInt(archive.byteLength),
            sha256: createHash('sha256').update(archive).digest('hex'),
            endedAt: new Date(times.at),
            expiresAt: new Date(times.expiresAt),
            leasedUntil: null,
          })
          .where(isTry(id, attempt))
      }),

    /** @param failure for whoever asked; null when it is tried again at once by whoever is next */
    endAuditPackage: async (
      { id, attempt }: ClaimedPackage,
      failure: string | null,
      at: number,
    ): Promise<void> => {
      const ended =
        failure === null
          ? { leasedUntil: null }
          : { state: 'failed' as const, failure, endedAt: new Date(at), leasedUntil: null }
      await db.update(auditPackage).set(ended).where(isTry(id, attempt))
    },

    /** Removes archives whose time is over. @returns how many */
    forgetAuditPackages: async (at: number): Promise<number> =>
      (
        await db
          .update(auditPackage)
          .set({ content: null })
          .where(and(isNotNull(auditPackage.content), lte(auditPackage.expiresAt, new Date(at))))
          .returning({ id: auditPackage.id })
      ).length,
  }
}

/** What an earlier key sealed is nobody's any more, also where a new one was made since. */
function openedWith(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return openPersonal(key, sealed)
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_LOG_SEALED') return undefined
    throw error
  }
}

const isOf = (organization: string, id: string) =>
  and(eq(auditPackage.organization, organization), eq(auditPackage.id, id))

const isWaiting = (organization: string) =>
  and(eq(auditPackage.organization, organization), eq(auditPackage.state, 'waiting'))

const isTry = (id: string, attempt: number) =>
  and(
    eq(auditPackage.id, id),
    eq(auditPackage.state, 'waiting'),
    sql`${auditPackage.attempts} = ${attempt}`,
  )

const ms = (at: Date | null): number | null => at?.getTime() ?? null

const toPackage = ({
  content: _content,
  attempts: _attempts,
  leasedUntil: _leasedUntil,
  ...row
}: Row): AuditPackage => ({
  ...row,
  bytes: row.bytes === null ? null : Number(row.bytes),
  from: row.from.getTime(),
  to: row.to.getTime(),
  createdAt: row.createdAt.getTime(),
  endedAt: ms(row.endedAt),
  expiresAt: ms(row.expiresAt),
})
