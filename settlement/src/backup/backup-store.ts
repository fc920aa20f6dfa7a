import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { livingKeys } from '../log/subject-keys.ts'
import { qualified } from './catalog.ts'
import { type Loaded, loadBackup } from './load-backup.ts'
import { type Manifest, readManifest } from './manifest.ts'
import type { Vault, VaultKey } from './vault.ts'
import { writeBackup } from './write-backup.ts'

/** The whole database as files. Run where the database is, for the rows shall not cross between threads. */
export function backupStore(db: Database) {
  return {
    /** See `writeBackup`. On the embedded database everything else waits meanwhile. */
    writeBackup: (folder: string, at: number): Promise<Manifest> => writeBackup(db, folder, at),

    /** See `loadBackup`; the schema is brought up to date afterwards. */
    loadBackup: async (folder: string, vault: Vault): Promise<Loaded> => {
      const loaded = await loadBackup(db, folder, vault)
      await migrate(db)
      return loaded
    },

    /** For the vault. */
    livingSubjectKeys: async (): Promise<VaultKey[]> =>
      (await livingKeys(db)).map(({ owner, subject, key, createdAt }) => ({
        owner,
        subject: Buffer.from(subject).toString('hex'),
        key: Buffer.from(key).toString('hex'),
        createdAt,
      })),

    /** Tables of which the backup has another number of rows than the database. */
    compareCounts: async (
      folder: string,
      leftOut: Readonly<Record<string, number>>,
    ): Promise<string[]> => {
      const differing: string[] = []
      for (const table of (await readManifest(folder)).tables) {
        const [count] = await rows<{ rows: string }>(
          db,
          sql.raw(`select count(*)::text as rows from ${qualified(table.name)}`),
        )
        if (count?.rows !== String(table.rows - (leftOut[table.name] ?? 0)))
          differing.push(table.name)
      }
      return differing
    },
  }
}
