import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { SettlementError } from '../errors.ts'

/**
 * Claims a PGlite directory for this process. PGlite itself takes no lock, and two openers lose acknowledged rows
 * without any error. SQLite's lock is the kernel's: it goes with the process, however that ends.
 *
 * @throws {SettlementError} HANSE_STORE_OWNED
 */
export function lockOwner(path: string): Disposable {
  const file = new DatabaseSync(path, { timeout: 0 })
  try {
    chmodSync(path, 0o600)
    file.exec('pragma journal_mode = delete; begin exclusive')
  } catch (cause) {
    file.close()
    throw new SettlementError('HANSE_STORE_OWNED', `another process has ${path} open`, { cause })
  }
  return { [Symbol.dispose]: () => file.close() }
}
