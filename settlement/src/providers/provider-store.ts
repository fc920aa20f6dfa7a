import { and, eq } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { provider } from '../db/schema.ts'

export function providerStore(db: Database) {
  return {
    /** The account is closed or no longer ours; a new one may take its place. */
    retireProviderAccount: async (peerId: string, account: string): Promise<void> => {
      await db
        .update(provider)
        .set({ account: null, formerAccount: account })
        .where(and(eq(provider.peerId, peerId), eq(provider.account, account)))
    },
  }
}
