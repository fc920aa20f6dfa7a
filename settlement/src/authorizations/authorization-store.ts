import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { and, asc, eq, isNull, lte, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { consumer, spendAuthorization } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { accountId, type Transfer } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'

export interface NewAuthorization {
  readonly serial: bigint
  readonly cid: string
  readonly organization: string
  readonly consumer: string
  readonly provider: string
  readonly limit: PicoEuro
  readonly issuedAt: number
  readonly notAfter: number
  /** DAG-CBOR of the signed record. */
  readonly signed: Uint8Array
  readonly idempotencyKey: string | null
  readonly requestDigest: string
}

/** Holds that one run gives back in one transaction: bounds how long their rows stay locked. */
const RELEASES_MAX = 500

export function authorizationStore(db: Database) {
  return {
    nextAuthorizationSerial: async (): Promise<bigint> => {
      const [row] = await rows<{ serial: string }>(
        db,
        sql`select nextval('authorization_serial')::text as serial`,
      )
      return BigInt(row?.serial ?? 0)
    },

    /**
     * Puts the hold and keeps the signed promise, together: the promise may leave the house only after this. The same
     * idempotency key finds what it made before.
     *
     * @returns the signed record to answer with
     * @throws {SettlementError} HANSE_BALANCE_INSUFFICIENT, HANSE_CONSUMER_UNKNOWN, HANSE_IDEMPOTENCY_KEY
     */
    openAuthorization: (given: NewAuthorization): Promise<Uint8Array> =>
      transact(db, async (tx) => {
        const inserted = await tx
          .insert(spendAuthorization)
          .values({
            ...given,
            issuedAt: new Date(given.issuedAt),
            notAfter: new Date(given.notAfter),
          })
          .onConflictDoNothing({
            target: [spendAuthorization.organization, spendAuthorization.idempotencyKey],
          })
          .returning({ serial: spendAuthorization.serial })
        if (inserted.length === 0) return earlier(tx, given)
        const [bound] = await tx.select().from(consumer).where(eq(consumer.peerId, given.consumer))
        if (bound?.organization !== given.organization) {
          throw new SettlementError('HANSE_CONSUMER_UNKNOWN', 'not a consumer of this organization')
        }
        await postTransfers(tx, [hold(given)], given.issuedAt)
        return given.signed
      }),

    /**
     * Gives back what open authorizations did not spend, once they expired before `expiredBefore`.
     *
     * @returns how many were closed; call again while it is not 0
     */
    releaseExpired: (expiredBefore: number, at: number): Promise<number> =>
      transact(db, async (tx) => {
        const expired = await tx
          .select()
          .from(spendAuthorization)
          .where(
            and(
              isNull(spendAuthorization.closedAt),
              lte(spendAuthorization.notAfter, new Date(expiredBefore)),
            ),
          )
          .orderBy(asc(spendAuthorization.serial))
          .limit(RELEASES_MAX)
          .for('update')
        for (const row of expired) {
          await tx
            .update(spendAuthorization)
            .set({ closedAt: new Date(at), released: row.limit - row.spent })
            .where(eq(spendAuthorization.serial, row.serial))
        }
        await postTransfers(tx, expired.filter((row) => row.limit > row.spent).map(release), at)
        return expired.length
      }),
  }
}

async function earlier(tx: Database, given: NewAuthorization): Promise<Uint8Array> {
  const [row] = await tx
    .select({ signed: spendAuthorization.signed, digest: spendAuthorization.requestDigest })
    .from(spendAuthorization)
    .where(
      and(
        eq(spendAuthorization.organization, given.organization),
        eq(spendAuthorization.idempotencyKey, given.idempotencyKey ?? ''),
      ),
    )
  if (row?.digest !== given.requestDigest) {
    throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'this key was used for another request')
  }
  return row.signed
}

const hold = ({ organization, limit, cid }: NewAuthorization): Transfer => ({
  debit: accountId('available', organization),
  credit: accountId('held', organization),
  amount: limit,
  kind: 'hold',
  reference: cid,
})

const release = (row: typeof spendAuthorization.$inferSelect): Transfer => ({
  debit: accountId('held', row.organization),
  credit: accountId('available', row.organization),
  amount: picoEuro(row.limit - row.spent),
  kind: 'release',
  reference: row.cid,
})
