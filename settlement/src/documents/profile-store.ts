import { randomBytes } from 'node:crypto'
import { HanseError, openPersonal, SEAL_NONCE_BYTES, sealPersonal } from '@hanse/protocol'
import { and, desc, eq, lte } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { providerTaxProfile, subjectKey } from '../db/schema.ts'
import { ownerOf } from '../log/log-fact.ts'
import { subjectKeys } from '../log/subject-keys.ts'
import {
  type ProviderProfile,
  providerProfileSchema,
  type StoredProviderProfile,
} from './provider-profile.ts'

/** What providers say of themselves, sealed with their own keys: erasing a provider erases it. */
export function profileStore(db: Database) {
  return {
    /** Keeps one more version. */
    setProviderProfile: (peerId: string, profile: ProviderProfile, at: number): Promise<number> =>
      transact(db, async (tx) => {
        const owner = ownerOf('provider', peerId)
        const key = (await subjectKeys(tx, [owner], at, randomBytes)).get(owner)
        if (key === undefined) throw new Error('a provider without a key')
        const [last] = await tx
          .select({ version: providerTaxProfile.version })
          .from(providerTaxProfile)
          .where(eq(providerTaxProfile.provider, peerId))
          .orderBy(desc(providerTaxProfile.version))
          .limit(1)
        const version = (last?.version ?? 0) + 1
        const nonce = Uint8Array.from(randomBytes(SEAL_NONCE_BYTES))
        await tx.insert(providerTaxProfile).values({
          provider: peerId,
          version,
          kind: profile.kind,
          sealed: sealPersonal(key.key, nonce, Buffer.from(JSON.stringify(profile))),
          selfBillingTerms: profile.selfBillingTerms ?? null,
          at: new Date(at),
        })
        return version
      }),

    /** As it was at a time; `undefined` when nothing was said by then, or the provider was erased. */
    providerProfile: async (
      peerId: string,
      at: number,
    ): Promise<StoredProviderProfile | undefined> => {
      const [row] = await db
        .select({ row: providerTaxProfile, key: subjectKey.key })
        .from(providerTaxProfile)
        .innerJoin(subjectKey, eq(subjectKey.owner, ownerOf('provider', peerId)))
        .where(
          and(eq(providerTaxProfile.provider, peerId), lte(providerTaxProfile.at, new Date(at))),
        )
        .orderBy(desc(providerTaxProfile.version))
        .limit(1)
      if (row === undefined || row.key === null) return undefined
      const opened = open(row.key, row.row.sealed)
      if (opened === undefined) return undefined
      const profile = providerProfileSchema.parse(JSON.parse(Buffer.from(opened).toString('utf8')))
      return { profile, version: row.row.version, at: row.row.at.getTime() }
    },
  }
}

/** After an erasure the provider may have a new key, which opens nothing from before. */
function open(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return openPersonal(key, sealed)
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_LOG_SEALED') return undefined
    throw error
  }
}
