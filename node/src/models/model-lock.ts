import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { HanseError } from '@hanse/protocol'

/**
 * Keeps others from changing a model's files. It is a lock of the operating system, held by SQLite, because that one
 * vanishes with a process that is killed, where a file with a process number would stay.
 *
 * @throws {HanseError} HANSE_MODEL_BUSY
 */
export function lockModel(folder: string, name: string): Disposable {
  mkdirSync(folder, { recursive: true })
  const db = new DatabaseSync(join(folder, '.lock'), { timeout: 0 })
  try {
    db.exec('begin exclusive')
  } catch (cause) {
    db.close()
    if (cause instanceof Error && /locked|busy/iu.test(cause.message)) {
      throw new HanseError('HANSE_MODEL_BUSY', `another command is at work on ${name}`, { cause })
    }
    throw cause
  }
  return { [Symbol.dispose]: () => db.close() }
}
