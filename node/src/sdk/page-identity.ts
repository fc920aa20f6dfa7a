import { PageDatabase } from './page-database.ts'
import { lockPageData } from './page-lock.ts'
import { SEED } from './page-store.ts'

/**
 * The 32 bytes that the identity in a page's data is made of, for its owner to keep elsewhere: with them, as `seed`, another
 * page or program is the same consumer. `undefined` where nothing is kept.
 */
export async function pageSeed(dataDir: string): Promise<Uint8Array | undefined> {
  using database = await PageDatabase.open(dataDir)
  return await database.get('identity', SEED)
}

/**
 * Forgets identity and receipts, for good. What was bought stays owed, and what is left of authorizations comes back when
 * they end.
 *
 * @throws {HanseError} HANSE_ALREADY_RUNNING while a consumer of this page or another tab uses them
 */
export async function forgetPageData(dataDir: string): Promise<void> {
  using _ = await lockPageData(dataDir)
  await PageDatabase.remove(dataDir)
}
