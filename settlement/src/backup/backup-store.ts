import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { qualified } from './catalog.ts'
import { loadBackup } from './load-backup.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { writeBackup } from './write-backup.ts'

/** The whole database as files. Run where the database is, for the rows shall not cross between threads. */
export function backupStore(db: Database) {
  return {
    /** See `writeBackup`. On the embedded database everything else waits meanwhile. */
    writeBackup: (folder: string, at: number): Promise<Manifest> => writeBackup(db, folder, at),

    /** See `loadBackup`; the schema is brought up to date afterwards. */
    loadBackup: async (folder: string): Promise<Manifest> => {
      const manifest = await loadBackup(db, folder)
      await migrate(db)
      return manifest
    },

    /** Tables of which the backup has another number of rows than the database. */
    compareCounts: async (folder: string): Promise<string[]> => {
      const differing: string[] = []
      for (const table of (await readManifest(folder)).tables) {
        const [count] = await rows<{ rows: string }>(
          db,
          sql.raw(`select count(*)::text as rows from ${qualified(table.name)}`),
        )
        if (count?.rows !== String(table.rows)) differing.push(table.name)
      }
      return differing
    },
  }
}
