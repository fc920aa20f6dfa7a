import { and, eq, isNotNull, isNull } from 'drizzle-orm'
import type { Role } from '../access/roles.ts'
import { revokeAll } from '../attestations/attestation-store.ts'
import { type Database, databaseFault, transact } from '../db/database.ts'
import { apiKey, consumer, organization, provider } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { type StatedBasis, stateBasis } from '../rights/basis-store.ts'
import { SCOPES, type Scope } from './key-scopes.ts'

export interface NewOrganization {
  readonly id: string
  readonly name: string
  readonly key: { readonly prefix: string; readonly hash: Uint8Array }
  readonly consumers: readonly string[]
  readonly at: number
  /** On what basis its data are processed, and who said so. */
  readonly basis?: StatedBasis
}

export interface StoredKey {
  readonly organization: string
  readonly prefix: string
  /** SHA-256 of the whole key: compare it in constant time. */
  readonly hash: Uint8Array
  readonly scopes: readonly Scope[]
  /** It does no more than a member of this role. */
  readonly role: Role | null
  /** Who answers for it. */
  readonly createdBy: string | null
  /** Milliseconds since 1970. */
  readonly expiresAt: number | null
  /** For all processes together. */
  readonly requestsPerMinute: number | null
  /** An operator has shut the organization. */
  readonly isDisabled: boolean
  /** The organization has had the processing of its data restricted. */
  readonly isRestricted: boolean
}

export interface ProviderRow {
  readonly peerId: string
  /** ISO 3166-1 alpha-2, of the payout account. */
  readonly country: string
  /** Stripe's id, once it was created. */
  readonly account: string | null
  /** The account before this one, which its owner closed or took away. */
  readonly formerAccount: string | null
  /** Milliseconds since 1970; null while Stripe does not let transfers reach it. */
  readonly payableSince: number | null
  readonly feeBps: number
  /** It has had the processing of its data restricted. */
  readonly isRestricted: boolean
}

/** Organizations with their keys and consumers, and providers with their payout accounts. */
export function tenantStore(db: Database) {
  return {
    /** @throws {SettlementError} HANSE_CONSUMER_TAKEN, and then nothing was created */
    createOrganization: (given: NewOrganization): Promise<void> =>
      transact(db, async (tx) => {
        const createdAt = new Date(given.at)
        await tx.insert(organization).values({ id: given.id, name: given.name, createdAt })
        await tx
          .insert(apiKey)
          .values({ ...given.key, organization: given.id, scopes: [...SCOPES], createdAt })
        await bind(tx, given.id, given.consumers, given.at)
        await stateBasis(tx, given.id, given.basis, given.at)
      }),

    /** Binding one's own peer again changes nothing. @throws {SettlementError} HANSE_CONSUMER_TAKEN */
    bindConsumers: (id: string, peerIds: readonly string[], at: number): Promise<void> =>
      transact(db, (tx) => bind(tx, id, peerIds, at)),

    keyByPrefix: async (prefix: string): Promise<StoredKey | undefined> => {
      const [row] = await db
        .select({
          organization: apiKey.organization,
          prefix: apiKey.prefix,
          hash: apiKey.hash,
          scopes: apiKey.scopes,
          role: apiKey.role,
          createdBy: apiKey.createdBy,
          expiresAt: apiKey.expiresAt,
          requestsPerMinute: apiKey.requestsPerMinute,
          disabledAt: organization.disabledAt,
          restrictedAt: organization.restrictedAt,
        })
        .from(apiKey)
        .innerJoin(organization, eq(organization.id, apiKey.organization))
        .where(and(eq(apiKey.prefix, prefix), isNull(apiKey.revokedAt)))
      if (row === undefined) return undefined
      const { disabledAt, restrictedAt, expiresAt, ...key } = row
      return {
        ...key,
        expiresAt: expiresAt?.getTime() ?? null,
        isDisabled: disabledAt !== null,
        isRestricted: restrictedAt !== null,
      }
    },

    organizationOf: async (peerId: string): Promise<string | undefined> => {
      const [row] = await db.select().from(consumer).where(eq(consumer.peerId, peerId))
      return row?.organization
    },

    /** Keeps the first row of a provider and returns what is stored. */
    addProvider: async (given: {
      peerId: string
      country: string
      feeBps: number
      binding: Uint8Array
      at: number
    }): Promise<ProviderRow> => {
      const { at, ...row } = given
      await db
        .insert(provider)
        .values({ ...row, createdAt: new Date(at) })
        .onConflictDoNothing()
      const stored = await providerRow(db, given.peerId)
      if (stored === undefined) throw new SettlementError('HANSE_INTERNAL', 'provider not stored')
      return stored
    },

    provider: (peerId: string): Promise<ProviderRow | undefined> => providerRow(db, peerId),

    /** Takes the account that Stripe made, unless another call was first. */
    setProviderAccount: async (peerId: string, account: string): Promise<void> => {
      await db
        .update(provider)
        .set({ account })
        .where(and(eq(provider.peerId, peerId), isNull(provider.account)))
    },

    /**
     * What Stripe says of the account now. The time of becoming payable is kept while it stays so; when it ends, the
     * attestations that rest on it are revoked.
     */
    setProviderPayable: (peerId: string, payable: boolean, at: number): Promise<void> =>
      transact(db, async (tx) => {
        const changed = await tx
          .update(provider)
          .set({ payableSince: payable ? new Date(at) : null })
          .where(
            and(
              eq(provider.peerId, peerId),
              payable ? isNull(provider.payableSince) : isNotNull(provider.payableSince),
            ),
          )
          .returning({ peerId: provider.peerId })
        if (!payable && changed.length > 0)
          await revokeAll(tx, peerId, 'the payout account is no longer verified', at)
      }),

    providerByAccount: async (account: string): Promise<ProviderRow | undefined> => {
      const [row] = await db.select().from(provider).where(eq(provider.account, account))
      return row && toProvider(row)
    },
  }
}

async function bind(
  tx: Database,
  id: string,
  peerIds: readonly string[],
  at: number,
): Promise<void> {
  try {
    for (const peerId of [...peerIds].sort()) {
      const [row] = await tx
        .insert(consumer)
        .values({ peerId, organization: id, createdAt: new Date(at) })
        .onConflictDoUpdate({ target: consumer.peerId, set: { peerId } })
        .returning({ organization: consumer.organization })
      if (row?.organization !== id) {
        throw new SettlementError(
          'HANSE_CONSUMER_TAKEN',
          `${peerId} belongs to another organization`,
        )
      }
    }
  } catch (error) {
    if (databaseFault(error)?.code !== '23503') throw error
    throw new SettlementError('HANSE_NOT_FOUND', `no organization ${id}`, { cause: error })
  }
}

async function providerRow(db: Database, peerId: string): Promise<ProviderRow | undefined> {
  const [row] = await db.select().from(provider).where(eq(provider.peerId, peerId))
  return row && toProvider(row)
}

export function toProvider(row: typeof provider.$inferSelect): ProviderRow {
  return {
    peerId: row.peerId,
    country: row.country,
    account: row.account,
    formerAccount: row.formerAccount,
    payableSince: row.payableSince?.getTime() ?? null,
    feeBps: row.feeBps,
    isRestricted: row.restrictedAt !== null,
  }
}
