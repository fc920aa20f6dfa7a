import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { and, asc, desc, eq, gt, isNotNull, isNull, lt, lte, or, sql } from 'drizzle-orm'
import { postCredits } from '../billing/post-credits.ts'
import { type Database, transact } from '../db/database.ts'
import { spendAuthorization } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { accountId, type Transfer } from '../ledger/accounts.ts'
import { type AskedFor, type AskFacts, askFacts } from './ask-facts.ts'
import type { NewAuthorization } from './new-authorization.ts'
import { openAuthorization } from './open-authorization.ts'
import { REVOCATION_LOCK } from './revoke-all.ts'

export interface AuthorizationRow {
  readonly serial: bigint
  readonly cid: string
  readonly organization: string
  readonly consumer: string
  readonly provider: string
  /** Pico-euro. */
  readonly limit: PicoEuro
  readonly spent: PicoEuro
  readonly released: PicoEuro
  /** Milliseconds since 1970. */
  readonly issuedAt: number
  readonly notAfter: number
  readonly closedAt: number | null
  readonly revokedAt: number | null
  readonly revokedBy: 'organization' | 'operator' | null
  readonly extends: string | null
  readonly attribution: string | null
  readonly signed: Uint8Array
}

/** A provider's word that it will claim no more than this. */
export interface Consent {
  /** CID of the record. */
  readonly cid: string
  readonly provider: string
  readonly claims: PicoEuro
}

export interface Revocations {
  /** Of authorizations that have not expired, in the order of their revocation. */
  readonly serials: readonly bigint[]
  /** Number of the last revocation that was looked at. */
  readonly until: bigint
}

/** Holds that one run gives back in one transaction: bounds how long their rows stay locked. */
const RELEASES_MAX = 500

export function authorizationStore(db: Database) {
  return {
    /** See `askFacts`. */
    askFacts: (asked: AskedFor): Promise<AskFacts> => askFacts(db, asked),

    /** See `openAuthorization`. */
    openAuthorization: (given: NewAuthorization): Promise<Uint8Array> =>
      openAuthorization(db, given),

    authorization: async (cid: string): Promise<AuthorizationRow | undefined> => {
      const [row] = await db
        .select()
        .from(spendAuthorization)
        .where(eq(spendAuthorization.cid, cid))
      return row && toAuthorization(row)
    },

    /** Newest first; `open` ones still hold money. */
    authorizations: async (query: {
      organization: string
      open?: boolean
      before?: bigint
      limit: number
    }): Promise<AuthorizationRow[]> =>
      (
        await db
          .select()
          .from(spendAuthorization)
          .where(
            and(
              eq(spendAuthorization.organization, query.organization),
              query.before === undefined ? undefined : lt(spendAuthorization.serial, query.before),
              query.open === true ? isNull(spendAuthorization.closedAt) : undefined,
              query.open === false ? isNotNull(spendAuthorization.closedAt) : undefined,
            ),
          )
          .orderBy(desc(spendAuthorization.serial))
          .limit(query.limit)
      ).map(toAuthorization),

    /**
     * Gives back what open authorizations did not spend, once they expired before `expiredBefore`. One with a session that
     * the operator has to decide on, or has decided on since `expiredBefore`, stays open until it expired before
     * `undecidedBefore`: its receipts could not be settled.
     *
     * @returns how many were closed; call again while it is not 0
     */
    releaseExpired: (
      expiredBefore: number,
      at: number,
      undecidedBefore = expiredBefore,
    ): Promise<number> =>
      transact(db, async (tx) => {
        const expired = await tx
          .select()
          .from(spendAuthorization)
          .where(
            and(
              isNull(spendAuthorization.closedAt),
              lte(spendAuthorization.notAfter, new Date(expiredBefore)),
              or(
                lte(spendAuthorization.notAfter, new Date(undecidedBefore)),
                sql`${spendAuthorization.serial} not in (${stoodStill(expiredBefore)})`,
              ),
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
        const back = expired.map((row) => release(row, leftOf(row), row.cid))
        await postCredits(
          tx,
          back.filter(({ amount }) => amount > 0n),
          at,
        )
        return expired.length
      }),

    /**
     * Gives back, before its time, what the provider will not claim. With nothing left to claim it is closed. Told again
     * it changes nothing.
     */
    releaseByConsent: (cid: string, consent: Consent, at: number): Promise<AuthorizationRow> =>
      transact(db, async (tx) => {
        const row = await lock(tx, cid)
        if (row.provider !== consent.provider) throw unknown(cid)
        const kept = row.spent > consent.claims ? row.spent : consent.claims
        const free = row.limit - row.released - kept
        if (row.closedAt !== null || free < 0n) return toAuthorization(row)
        const closes = kept === row.spent
        const [after] = await tx
          .update(spendAuthorization)
          .set({ released: row.released + free, ...(closes && { closedAt: new Date(at) }) })
          .where(eq(spendAuthorization.serial, row.serial))
          .returning()
        if (free > 0n) {
          const back = release(row, picoEuro(free), `${cid}/${consent.cid}`)
          await postCredits(tx, [back], at)
        }
        return toAuthorization(after ?? row)
      }),

    /**
     * Numbers a revocation in the order in which revocations can be seen, so that who reads on from a number misses
     * none. Once revoked it stays so.
     *
     * @param organization whose it must be, when it is not the operator who asks
     * @throws {SettlementError} HANSE_NOT_FOUND
     */
    revokeAuthorization: (
      cid: string,
      organization: string | null,
      at: number,
    ): Promise<AuthorizationRow> =>
      transact(db, async (tx) => {
        await tx.execute(sql`select pg_advisory_xact_lock(${REVOCATION_LOCK.toString()}::int8)`)
        const row = await lock(tx, cid)
        if (organization !== null && row.organization !== organization) throw unknown(cid)
        if (row.revokedAt !== null) return toAuthorization(row)
        const [after] = await tx
          .update(spendAuthorization)
          .set({
            revocation: sql`nextval('authorization_revocation')`,
            revokedAt: new Date(at),
            revokedBy: organization === null ? 'operator' : 'organization',
          })
          .where(eq(spendAuthorization.serial, row.serial))
          .returning()
        return toAuthorization(after ?? row)
      }),

    revocationsSince: async (since: bigint, at: number, limit: number): Promise<Revocations> => {
      const found = await db
        .select({
          serial: spendAuthorization.serial,
          number: spendAuthorization.revocation,
        })
        .from(spendAuthorization)
        .where(
          and(
            gt(spendAuthorization.revocation, since),
            gt(spendAuthorization.notAfter, new Date(at)),
          ),
        )
        .orderBy(asc(spendAuthorization.revocation))
        .limit(limit)
      return {
        serials: found.map(({ serial }) => serial),
        until: found.at(-1)?.number ?? since,
      }
    },
  }
}

type Stored = typeof spendAuthorization.$inferSelect

async function lock(tx: Database, cid: string): Promise<Stored> {
  const [row] = await tx
    .select()
    .from(spendAuthorization)
    .where(eq(spendAuthorization.cid, cid))
    .for('update')
  if (row === undefined) throw unknown(cid)
  return row
}

/** Authorizations with a session that is frozen, or was until after `since`: frozen ones are few, and have an index. */
const stoodStill = (since: number) => sql`
  select authorization_serial from settled_session
    where frozen_at is not null and authorization_serial is not null
  union all
  select s.authorization_serial from alert a join settled_session s on s.session = a.subject
    where a.resolved_at > ${new Date(since).toISOString()}::timestamptz and s.authorization_serial is not null`

const leftOf = ({ limit, spent, released }: Stored): PicoEuro => picoEuro(limit - spent - released)

const release = (row: Stored, amount: PicoEuro, reference: string): Transfer => ({
  debit: accountId('held', row.organization),
  credit: accountId('available', row.organization),
  amount,
  kind: 'release',
  reference,
})

const unknown = (cid: string) => new SettlementError('HANSE_NOT_FOUND', `no authorization ${cid}`)

const toAuthorization = (row: Stored): AuthorizationRow => ({
  serial: row.serial,
  cid: row.cid,
  organization: row.organization,
  consumer: row.consumer,
  provider: row.provider,
  limit: picoEuro(row.limit),
  spent: picoEuro(row.spent),
  released: picoEuro(row.released),
  issuedAt: row.issuedAt.getTime(),
  notAfter: row.notAfter.getTime(),
  closedAt: row.closedAt?.getTime() ?? null,
  revokedAt: row.revokedAt?.getTime() ?? null,
  revokedBy: row.revokedBy,
  extends: row.extends,
  attribution: row.attribution,
  signed: row.signed,
})
