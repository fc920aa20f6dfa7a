import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from 'node:sqlite'
import {
  decodeCanonical,
  encodeCanonical,
  type SignedRecord,
  signedFields,
  signedRecordSchema,
} from '@hanse/protocol'

/** An SQLite file that only its owner can read, with two kinds of commit. */
export class Database implements Disposable {
  readonly #db: DatabaseSync

  constructor(path: string, migrate: (db: DatabaseSync) => void) {
    if (path !== ':memory:') {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // Made before SQLite makes it, for it would let everybody read it.
      closeSync(openSync(path, 'a', 0o600))
    }
    this.#db = new DatabaseSync(path, { timeout: 5_000 })
    this.#db.exec(
      'pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on; pragma busy_timeout = 5000',
    )
    migrate(this.#db)
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql)
  }

  /** Rows with integers as bigint: amounts pass what a number can hold. */
  bigints(sql: string, ...parameters: SQLInputValue[]): Record<string, SQLOutputValue>[] {
    const statement = this.#db.prepare(sql)
    statement.setReadBigInts(true)
    return statement.all(...parameters)
  }

  /**
   * Commits to the disk, for what must survive a power cut: a signed receipt, money that is held. All other commits wait
   * for the next of these, which carries them along, since the log is written in order; a crash of the process alone
   * loses nothing either way. So the first token does not wait for the disk.
   */
  durably<Result>(run: () => Result): Result {
    this.#db.exec('pragma synchronous = full')
    try {
      return this.transaction(run)
    } finally {
      this.#db.exec('pragma synchronous = normal')
    }
  }

  transaction<Result>(run: () => Result): Result {
    if (this.#db.isTransaction) return run()
    this.#db.exec('begin immediate')
    try {
      const result = run()
      this.#db.exec('commit')
      return result
    } catch (error) {
      // On a full disk SQLite may have done so itself.
      if (this.#db.isTransaction) this.#db.exec('rollback')
      throw error
    }
  }
}

/** SQLITE_FULL, and SQLITE_IOERR, which it is when one of the files beside the database cannot grow. */
const DISK_FAULTS = new Set([13, 10])

/** Whether the disk took no more; what is tried again later may work. */
export function isDiskFault(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    DISK_FAULTS.has(error.errcode & 0xff)
  )
}

const SIGNED_BYTES_MAX = 16 * 1024

/** A signed record as it is stored. */
export function pack(signed: SignedRecord): Uint8Array {
  return encodeCanonical(signedFields(signed))
}

export function unpack(column: unknown): SignedRecord {
  if (!(column instanceof Uint8Array)) throw new Error('a stored record is not bytes')
  return signedRecordSchema.parse(decodeCanonical(column, SIGNED_BYTES_MAX))
}
