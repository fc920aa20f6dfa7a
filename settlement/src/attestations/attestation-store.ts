import { decodeCanonical, encodeCanonical, signedFields, signedRecordSchema } from '@hanse/protocol'
import { and, asc, desc, eq, gt, isNull, lt, max, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Database, transact } from '../db/database.ts'
import { attestation, attestationBlock, locationChallenge, locationEvidence } from '../db/schema.ts'
import { type LogFact, ownerOf } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import { type Block, PINGS_MAX, type StoredEvidence } from './evidence.ts'

export interface NewAttestation {
  readonly cid: string
  readonly provider: string
  readonly country: string
  readonly level: number
  /** DAG-CBOR of the signed record. */
  readonly signed: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
}

export interface AttestationRow extends NewAttestation {
  readonly issuedAt: number
  readonly revokedAt: number | null
  /** Why it was revoked. */
  readonly reason: string | null
}

export interface Location {
  readonly evidence: readonly StoredEvidence[]
  readonly block: Block | undefined
  /** When an attestation of it was revoked last, ms since 1970; 0 when none was. */
  readonly revokedAt: number
}

export interface RevokedAttestations {
  /** CIDs of those that have not expired, in the order of their revocation. */
  readonly revoked: readonly string[]
  /** Number of the last revocation that was looked at. */
  readonly until: bigint
}

const pingsSchema = z.array(signedRecordSchema).max(PINGS_MAX)
/** A measurement has some 300 bytes, and its signature 150. */
const PINGS_BYTES_MAX = PINGS_MAX * 1024

/** Any number that no other lock of the database has. */
const REVOCATION_LOCK = 4_824_273_112n

export function attestationStore(db: Database) {
  return {
    /** The last one given counts. */
    giveLocationChallenge: async (given: {
      provider: string
      nonce: Uint8Array
      at: number
      expiresAt: number
    }): Promise<void> => {
      const row = {
        nonce: given.nonce,
        givenAt: new Date(given.at),
        expiresAt: new Date(given.expiresAt),
      }
      await db
        .insert(locationChallenge)
        .values({ provider: given.provider, ...row })
        .onConflictDoUpdate({ target: locationChallenge.provider, set: row })
    },

    /** It serves once. @returns when it was given */
    takeLocationChallenge: async (
      provider: string,
      nonce: Uint8Array,
      at: number,
    ): Promise<number | undefined> => {
      const [row] = await db
        .delete(locationChallenge)
        .where(
          and(
            eq(locationChallenge.provider, provider),
            eq(locationChallenge.nonce, nonce),
            gt(locationChallenge.expiresAt, new Date(at)),
          ),
        )
        .returning({ givenAt: locationChallenge.givenAt })
      return row?.givenAt.getTime()
    },

    /** What contradicts the provider takes its attestations back at once. */
    recordLocationEvidence: (
      provider: string,
      found: readonly StoredEvidence[],
      at: number,
    ): Promise<void> =>
      transact(db, async (tx) => {
        for (const one of found) await putEvidence(tx, provider, one)
        const against = found.find(({ outcome }) => outcome === 'contradicts')
        if (against !== undefined)
          await revokeAll(tx, provider, `${against.kind} contradicts the declared country`, at)
      }),

    providerLocation: async (provider: string): Promise<Location> => {
      const evidence = await db
        .select()
        .from(locationEvidence)
        .where(eq(locationEvidence.provider, provider))
        .orderBy(asc(locationEvidence.kind))
      const [block] = await db
        .select()
        .from(attestationBlock)
        .where(eq(attestationBlock.provider, provider))
      const [revoked] = await db
        .select({ at: max(attestation.revokedAt) })
        .from(attestation)
        .where(eq(attestation.provider, provider))
      return {
        evidence: evidence.map(toEvidence),
        block: block && toBlock(block),
        revokedAt: revoked?.at?.getTime() ?? 0,
      }
    },

    /** In the log before anybody has it; kept again, it changes nothing. */
    keepAttestation: (given: NewAttestation, at: number): Promise<void> =>
      transact(db, async (tx) => {
        const { notBefore, notAfter, ...row } = given
        const [added] = await tx
          .insert(attestation)
          .values({
            ...row,
            notBefore: new Date(notBefore),
            notAfter: new Date(notAfter),
            issuedAt: new Date(at),
          })
          .onConflictDoNothing()
          .returning({ cid: attestation.cid })
        if (added !== undefined) await writeEvents(tx, [issued(given)], at)
      }),

    /** Newest first. */
    attestationsOf: async (provider: string, limit: number): Promise<AttestationRow[]> =>
      (
        await db
          .select()
          .from(attestation)
          .where(eq(attestation.provider, provider))
          .orderBy(desc(attestation.issuedAt), asc(attestation.cid))
          .limit(limit)
      ).map(toRow),

    /** Those who have one that is still valid. */
    attestedProviders: async (at: number): Promise<string[]> =>
      (
        await db
          .selectDistinct({ provider: attestation.provider })
          .from(attestation)
          .where(and(isNull(attestation.revokedAt), gt(attestation.notAfter, new Date(at))))
      ).map(({ provider }) => provider),

    /** Takes all of a provider's attestations back, and gives it no new ones. @returns how many were revoked */
    blockAttestations: (provider: string, reason: string, at: number): Promise<number> =>
      transact(db, async (tx) => {
        const row = { reason, at: new Date(at), liftedAt: null }
        await tx
          .insert(attestationBlock)
          .values({ provider, ...row })
          .onConflictDoUpdate({ target: attestationBlock.provider, set: row })
        return revokeAll(tx, provider, reason, at)
      }),

    liftAttestationBlock: async (provider: string, at: number): Promise<boolean> => {
      const lifted = await db
        .update(attestationBlock)
        .set({ liftedAt: new Date(at) })
        .where(and(eq(attestationBlock.provider, provider), isNull(attestationBlock.liftedAt)))
        .returning({ provider: attestationBlock.provider })
      return lifted.length > 0
    },

    attestationRevocationsSince: async (
      since: bigint,
      at: number,
      limit: number,
    ): Promise<RevokedAttestations> => {
      const found = await db
        .select({ cid: attestation.cid, number: attestation.revocation })
        .from(attestation)
        .where(and(gt(attestation.revocation, since), gt(attestation.notAfter, new Date(at))))
        .orderBy(asc(attestation.revocation))
        .limit(limit)
      return { revoked: found.map(({ cid }) => cid), until: found.at(-1)?.number ?? since }
    },

    /** Challenges that nobody answered. @returns how many there were */
    forgetLocationChallenges: async (at: number): Promise<number> =>
      (
        await db
          .delete(locationChallenge)
          .where(lt(locationChallenge.expiresAt, new Date(at)))
          .returning({ provider: locationChallenge.provider })
      ).length,
  }
}

/**
 * Numbers revocations in the order in which they can be seen, so that who reads on from a number misses none, and tells the
 * log of each.
 *
 * @returns how many attestations were valid until then
 */
export async function revokeAll(
  tx: Database,
  provider: string,
  reason: string,
  at: number,
): Promise<number> {
  await tx.execute(sql`select pg_advisory_xact_lock(${REVOCATION_LOCK.toString()}::int8)`)
  const revoked = await tx
    .update(attestation)
    .set({
      revokedAt: new Date(at),
      reason,
      revocation: sql`nextval('attestation_revocation')`,
    })
    .where(
      and(
        eq(attestation.provider, provider),
        isNull(attestation.revokedAt),
        gt(attestation.notAfter, new Date(at)),
      ),
    )
    .returning({ cid: attestation.cid })
  const owner = ownerOf('provider', provider)
  const facts = revoked.map(
    ({ cid }): LogFact => ({
      kind: 'attestation-revoked',
      record: cid,
      owner,
      details: { provider, reason },
    }),
  )
  await writeEvents(tx, facts, at)
  return revoked.length
}

const issued = ({ cid, provider, country, level }: NewAttestation): LogFact => ({
  kind: 'attestation-issued',
  record: cid,
  owner: ownerOf('provider', provider),
  details: { provider, country, level },
})

async function putEvidence(tx: Database, provider: string, one: StoredEvidence): Promise<void> {
  const row = {
    country: one.country,
    outcome: one.outcome,
    reference: one.reference,
    pings: encodeCanonical(one.pings.map(signedFields)),
    observedAt: new Date(one.observedAt),
    expiresAt: new Date(one.expiresAt),
  }
  await tx
    .insert(locationEvidence)
    .values({ provider, kind: one.kind, ...row })
    .onConflictDoUpdate({ target: [locationEvidence.provider, locationEvidence.kind], set: row })
}

const toEvidence = (row: typeof locationEvidence.$inferSelect): StoredEvidence => ({
  kind: row.kind,
  country: row.country,
  outcome: row.outcome,
  reference: row.reference,
  pings: pingsSchema.parse(decodeCanonical(row.pings, PINGS_BYTES_MAX)),
  observedAt: row.observedAt.getTime(),
  expiresAt: row.expiresAt.getTime(),
})

const toBlock = (row: typeof attestationBlock.$inferSelect): Block => ({
  reason: row.reason,
  at: row.at.getTime(),
  liftedAt: row.liftedAt?.getTime() ?? null,
})

const toRow = (row: typeof attestation.$inferSelect): AttestationRow => ({
  cid: row.cid,
  provider: row.provider,
  country: row.country,
  level: row.level,
  signed: row.signed,
  reason: row.reason,
  notBefore: row.notBefore.getTime(),
  notAfter: row.notAfter.getTime(),
  issuedAt: row.issuedAt.getTime(),
  revokedAt: row.revokedAt?.getTime() ?? null,
})
