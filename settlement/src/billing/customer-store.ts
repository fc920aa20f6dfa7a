import { randomBytes } from 'node:crypto'
import {
  decodeCanonical,
  encodeCanonical,
  HanseError,
  openPersonal,
  SEAL_NONCE_BYTES,
  sealPersonal,
} from '@hanse/protocol'
import { and, asc, eq, isNull, lt, lte, or, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { billingCustomer, subjectKey } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { ownerOf } from '../log/log-fact.ts'
import { subjectKeys } from '../log/subject-keys.ts'
import type { VatIdCheck } from '../tax/index.ts'
import type { BillingDetails, BillingProfile } from './profile.ts'

export type StoredDetails = BillingDetails & { readonly vatIdCheck?: VatIdCheck }

/** Far more than an address has. */
const SEALED_BYTES_MAX = 8192

export function customerStore(db: Database) {
  return {
    /** The profile as it was last set; none when it was never set, or its key was destroyed. */
    billingProfile: (organization: string): Promise<BillingProfile | undefined> =>
      transact(db, async (tx) => {
        const [row] = await tx
          .select()
          .from(billingCustomer)
          .where(eq(billingCustomer.organization, organization))
        return row && open(tx, row)
      }),

    billingCustomer: async (
      organization: string,
    ): Promise<{ customer: string | null; version: number; syncedVersion: number } | undefined> => {
      const [row] = await db
        .select({
          customer: billingCustomer.customer,
          version: billingCustomer.version,
          syncedVersion: billingCustomer.syncedVersion,
        })
        .from(billingCustomer)
        .where(eq(billingCustomer.organization, organization))
      return row
    },

    organizationOfCustomer: async (customer: string): Promise<string | undefined> => {
      const [row] = await db
        .select({ organization: billingCustomer.organization })
        .from(billingCustomer)
        .where(eq(billingCustomer.customer, customer))
      return row?.organization
    },

    setBillingProfile: (
      organization: string,
      details: StoredDetails,
      at: number,
    ): Promise<BillingProfile> =>
      transact(db, async (tx) => {
        const { kind, country } = details
        const sealed = await seal(tx, organization, details, at)
        const set = { kind, country, sealed, updatedAt: new Date(at) }
        const [row] = await tx
          .insert(billingCustomer)
          .values({ organization, version: 1, ...set })
          .onConflictDoUpdate({
            target: billingCustomer.organization,
            set: { ...set, version: sql`${billingCustomer.version} + 1` },
          })
          .returning()
        const profile = row && (await open(tx, row))
        if (profile === undefined) {
          throw new SettlementError('HANSE_INTERNAL', 'the profile was not stored')
        }
        return profile
      }),

    /**
     * Keeps what was found out about a VAT id, if it is still the one that the organization gives.
     *
     * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_VAT_ID_CHANGED
     */
    setVatIdCheck: (organization: string, check: VatIdCheck, at: number): Promise<void> =>
      transact(db, async (tx) => {
        const [row] = await tx
          .select()
          .from(billingCustomer)
          .where(eq(billingCustomer.organization, organization))
          .for('update')
        const profile = row && (await open(tx, row))
        if (profile?.vatId === undefined) {
          throw new SettlementError('HANSE_NOT_FOUND', 'the organization has given no VAT id')
        }
        if (profile.vatId !== check.vatId) {
          throw new SettlementError('HANSE_VAT_ID_CHANGED', `it is ${profile.vatId} now`)
        }
        const { version: _version, updatedAt: _updatedAt, ...details } = profile
        const sealed = await seal(tx, organization, { ...details, vatIdCheck: check }, at)
        await tx
          .update(billingCustomer)
          .set({ sealed, updatedAt: new Date(at), version: sql`${billingCustomer.version} + 1` })
          .where(eq(billingCustomer.organization, organization))
      }),

    /** Takes the customer that Stripe made, unless another call was first. @returns the one that is kept */
    setCustomer: async (organization: string, customer: string, at: number): Promise<string> => {
      const [row] = await db
        .insert(billingCustomer)
        .values({ organization, customer, updatedAt: new Date(at) })
        .onConflictDoUpdate({
          target: billingCustomer.organization,
          set: { customer: sql`coalesce(${billingCustomer.customer}, excluded.customer)` },
        })
        .returning({ customer: billingCustomer.customer })
      return row?.customer ?? customer
    },

    /**
     * Takes a customer whose profile is newer than what Stripe has, unless another process has it.
     *
     * @returns the version that is to be told, or `undefined` when there is nothing to do here
     */
    leaseCustomer: async (
      organization: string,
      until: number,
      at: number,
    ): Promise<number | undefined> => {
      const [row] = await db
        .update(billingCustomer)
        .set({ leasedUntil: new Date(until) })
        .where(
          and(
            eq(billingCustomer.organization, organization),
            lt(billingCustomer.syncedVersion, billingCustomer.version),
            or(isNull(billingCustomer.leasedUntil), lte(billingCustomer.leasedUntil, new Date(at))),
          ),
        )
        .returning({ version: billingCustomer.version })
      return row?.version
    },

    /** Ends the lease; `version` is what Stripe has now, if it was told. */
    returnCustomer: async (organization: string, version: number | undefined): Promise<void> => {
      await db
        .update(billingCustomer)
        .set({ leasedUntil: null, ...(version !== undefined && { syncedVersion: version }) })
        .where(eq(billingCustomer.organization, organization))
    },

    /** Organizations whose profile Stripe has not got. */
    customersBehind: async (limit: number): Promise<string[]> =>
      (
        await db
          .select({ organization: billingCustomer.organization })
          .from(billingCustomer)
          .where(lt(billingCustomer.syncedVersion, billingCustomer.version))
          .orderBy(asc(billingCustomer.updatedAt))
          .limit(limit)
      ).map(({ organization }) => organization),
  }
}

async function seal(
  tx: Database,
  organization: string,
  details: StoredDetails,
  at: number,
): Promise<Uint8Array> {
  const owner = ownerOf('organization', organization)
  const sealing = (await subjectKeys(tx, [owner], at, randomBytes)).get(owner)
  if (sealing === undefined) throw new SettlementError('HANSE_INTERNAL', 'no key for the profile')
  return sealPersonal(sealing.key, randomBytes(SEAL_NONCE_BYTES), encodeCanonical(details))
}

async function open(
  tx: Database,
  row: typeof billingCustomer.$inferSelect,
): Promise<BillingProfile | undefined> {
  const owner = ownerOf('organization', row.organization)
  const [held] = await tx.select().from(subjectKey).where(eq(subjectKey.owner, owner))
  // Its key was destroyed: what was sealed with it is erased.
  if (row.sealed === null || held?.key == null || !isSealedWith(held.key, row.sealed)) {
    return undefined
  }
  const details = decodeCanonical(openPersonal(held.key, row.sealed), SEALED_BYTES_MAX)
  const at = row.updatedAt.getTime()
  return { ...(details as StoredDetails), version: row.version, updatedAt: at }
}

/** After an erasure the organization may have a new key, which opens nothing from before. */
function isSealedWith(key: Uint8Array, sealed: Uint8Array): boolean {
  try {
    openPersonal(key, sealed)
    return true
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_LOG_SEALED') return false
    throw error
  }
}
