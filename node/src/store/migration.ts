import type { DatabaseSync } from 'node:sqlite'

/** Brings a file to the newest of its schemas. @throws {Error} when it is of a newer release, or may only be read and is older */
export type Migrate = (db: DatabaseSync, readOnly?: boolean) => void

/**
 * Applies what a file lacks, all of it or nothing. Processes may open a file at once: its version is read within the
 * transaction that changes it.
 *
 * @param migrations applied in order, each once
 */
export function migrationOf(migrations: readonly string[]): Migrate {
  const newest = migrations.length
  return (db, readOnly = false) => {
    if (versionOf(db) === newest) return
    if (readOnly) {
      check(versionOf(db), newest)
      throw new Error(
        `the file is of an older release (schema ${versionOf(db)}): start its daemon once`,
      )
    }
    // A table that is made anew is away for a moment. Within a transaction SQLite would not heed it.
    db.exec('pragma foreign_keys = off; begin immediate')
    try {
      const version = versionOf(db)
      check(version, newest)
      for (const sql of migrations.slice(version)) db.exec(sql)
      if (db.prepare('pragma foreign_key_check').get() !== undefined)
        throw new Error('the file is damaged: of some of its rows what they rest on is missing')
      db.exec(`pragma user_version = ${newest}; commit`)
    } catch (error) {
      // On a full disk SQLite may have done so itself.
      if (db.isTransaction) db.exec('rollback')
      throw error
    } finally {
      db.exec('pragma foreign_keys = on')
    }
  }
}

function check(version: number, newest: number): void {
  if (version > newest)
    throw new Error(`the file is of a newer release (schema ${version}): update this program`)
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('pragma user_version').get()?.user_version ?? 0)
}
