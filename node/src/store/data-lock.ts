import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { HanseError } from '@hanse/protocol'

/** A daemon that was just told to stop may need a moment to let go. */
const WAIT_MS = 1_000

/**
 * Keeps a data folder to one daemon: two with one identity would undo each other's records. SQLite holds a lock of the
 * operating system for it, which ends with the process however that ends, so no stale file is ever in the way.
 *
 * @throws {HanseError} HANSE_ALREADY_RUNNING
 */
export function lockDataFolder(folder: string): Disposable {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'daemon.lock')
  closeSync(openSync(path, 'a', 0o600))
  const db = new DatabaseSync(path, { timeout: WAIT_MS })
  try {
    // Without a journal file: nothing is written, the lock is all there is.
    db.exec('pragma journal_mode = memory; begin exclusive')
  } catch (cause) {
    db.close()
    if (!isBusy(cause)) throw cause
    throw new HanseError('HANSE_ALREADY_RUNNING', `another daemon runs with the folder ${folder}`, {
      cause,
    })
  }
  return { [Symbol.dispose]: () => db.close() }
}

const SQLITE_BUSY = 5

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    (error.errcode & 0xff) === SQLITE_BUSY
  )
}
