import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { HanseError } from '@hanse/protocol'

/**
 * Holds a lock that the operating system gives back when this process ends, however it ends. SQLite knows how to take one on
 * every platform; a file with a process id would be left behind by a kill -9.
 *
 * @throws {HanseError} HANSE_ALREADY_RUNNING when another process, or another holder in this one, has it
 */
export function lockFile(path: string, whose: string): Disposable {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    db.exec('begin exclusive')
  } catch (cause) {
    db.close()
    throw new HanseError('HANSE_ALREADY_RUNNING', `another daemon runs with ${whose}`, { cause })
  }
  return { [Symbol.dispose]: () => db.close() }
}
