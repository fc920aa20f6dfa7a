import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What SQLite says of the store of receipts: `ok`, or what is damaged; `undefined` when there is none yet. */
export function checkStore(dataDir: string): string | undefined {
  const path = join(dataDir, 'node.db')
  if (!existsSync(path)) return undefined
  try {
    using db = new DatabaseSync(path, { readOnly: true, timeout: 2_000 })
    // One complaint is enough; on a large store this reads every page once.
    const row = db.prepare('pragma quick_check(1)').get()
    return String(row?.quick_check ?? 'no answer')
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
