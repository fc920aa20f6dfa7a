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
import type { Migrate } from './migration.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

export interface DatabaseOptions {
  /** To look at a file that another process may own. */
  readonly readOnly?: boolean
  /** Of what was written by `write` some could not be committed. */
  readonly onLost?: () => void
}

/**
 * An SQLite file that only its owner can read. Writes come in three kinds: `write` shares a transaction with whatever else
 * is written in the same turn of the event loop, `transaction` has its own, and `durably` is on the disk when it returns.
 * They are committed in the order in which they were made, so what is on the disk is always all that came before.
 */
export class Database implements Disposable {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #wal: WriteAheadLog | undefined
  /** The transaction of this turn, while it is open. */
  #turn: Turn | undefined
  /** In `write`, `transaction` or `durably`: what they call is part of it. */
  #inside = false

  readonly #onLost: () => void

  constructor(
    path: string,
    migrate: Migrate,
    { readOnly = false, onLost = () => {} }: DatabaseOptions = {},
  ) {
    this.#onLost = onLost
    if (readOnly) {
      this.#db = new DatabaseSync(path, { readOnly, timeout: BUSY_MS })
      migrate(this.#db, readOnly)
      return
    }
    if (path !== ':memory:') {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // Made before SQLite makes it, for it would let everybody read it.
      closeSync(openSync(path, 'a', 0o600))
    }
    this.#db = new DatabaseSync(path, { timeout: BUSY_MS })
    logAhead(this.#db)
    this.#db.exec(
      `pragma synchronous = normal; pragma foreign_keys = on; pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
    )
    migrate(this.#db)
    if (path !== ':memory:') this.#wal = new WriteAheadLog(`${path}-wal`)
  }

  /** Commits what is open. What waits for the disk is not waited for. */
  [Symbol.dispose](): void {
    try {
      this.flush()
    } finally {
      this.#wal?.[Symbol.dispose]()
      this.#statements.clear()
      this.#db.close()
    }
  }

  /** A statement, compiled once for each text. */
  prepare(sql: string): StatementSync {
    return this.#statement(sql, false)
  }

  /** Rows with integers as bigint: amounts pass what a number can hold. */
  bigints(sql: string, ...parameters: SQLInputValue[]): Record<string, SQLOutputValue>[] {
    return this.#statement(sql, true).all(...parameters)
  }

  /**
   * Runs `run` now, in the transaction of this turn of the event loop: what it wrote can be read at once, and is in the file
   * when `committed` says so. A commit costs more than most of what is written, so that many sessions share one.
   */
  write<Result>(run: () => Result): Result {
    if (this.#inside) return run()
    this.#turn ??= this.#begin()
    return this.#savepoint(this.#turn, run)
  }

  /** The same for one statement, which is all or nothing by itself. */
  writeOne<Result>(run: () => Result): Result {
    if (this.#inside) return run()
    this.#turn ??= this.#begin()
    const turn = this.#turn
    try {
      return this.#within(run)
    } catch (error) {
      // A full disk may have taken the whole transaction.
      if (!this.#db.isTransaction) this.#fail(turn, error)
      throw error
    }
  }

  /** What was written so far is in the file, and survives the end of this process. @throws why it is not */
  async committed(): Promise<void> {
    await this.#turn?.committed.promise
  }

  /** What was written so far is on the disk, and survives a power cut. @throws why it is not */
  async synced(): Promise<void> {
    await this.committed()
    await this.#wal?.sync()
  }

  /** Commits what this turn has written. @throws why it is not committed */
  flush(): void {
    const turn = this.#turn
    if (turn === undefined) return
    this.#end(turn)
    if (turn.fault !== undefined) throw turn.fault
  }

  /**
   * Commits to the disk at once, for what must survive a power cut and cannot wait. All other commits wait for the next of
   * these, or of `synced`, which carries them along, since the log is written in order; a crash of the process alone loses
   * nothing either way. So the first token does not wait for the disk.
   */
  durably<Result>(run: () => Result): Result {
    if (this.#inside) throw new Error('a durable write within another one')
    this.flush()
    this.#db.exec('pragma synchronous = full')
    try {
      return this.transaction(run)
    } finally {
      this.#db.exec('pragma synchronous = normal')
    }
  }

  /** All of `run` or nothing; in the file when this returns. */
  transaction<Result>(run: () => Result): Result {
    if (this.#inside) return run()
    this.flush()
    this.#run('begin immediate')
    try {
      const result = this.#within(run)
      this.#run('commit')
      return result
    } catch (error) {
      // On a full disk SQLite may have done so itself.
      if (this.#db.isTransaction) this.#run('rollback')
      throw error
    }
  }

  #begin(): Turn {
    this.#run('begin immediate')
    const turn: Turn = {
      committed: Promise.withResolvers(),
      fault: undefined,
      timer: setImmediate(() => this.#end(turn)),
    }
    // Whoever did not ask need not hear of it.
    turn.committed.promise.catch(() => {})
    return turn
  }

  #end(turn: Turn): void {
    try {
      this.#run('commit')
    } catch (error) {
      this.#fail(turn, error)
      return
    }
    this.#turn = undefined
    clearImmediate(turn.timer)
    turn.committed.resolve()
  }

  #fail(turn: Turn, error: unknown): void {
    this.#turn = undefined
    clearImmediate(turn.timer)
    if (this.#db.isTransaction) this.#run('rollback')
    turn.fault = error
    turn.committed.reject(error)
    this.#onLost()
  }

  /** What fails leaves nothing of itself in the turn, and the rest of it stands. */
  #savepoint<Result>(turn: Turn, run: () => Result): Result {
    this.#run('savepoint part')
    try {
      const result = this.#within(run)
      this.#run('release part')
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#run('rollback to part; release part')
      // A full disk may have taken the whole transaction.
      else this.#fail(turn, error)
      throw error
    }
  }

  #within<Result>(run: () => Result): Result {
    this.#inside = true
    try {
      return run()
    } finally {
      this.#inside = false
    }
  }

  #run(sql: string): void {
    for (const one of sql.split('; ')) this.#statement(one, false).run()
  }

  #statement(sql: string, readBigInts: boolean): StatementSync {
    const key = readBigInts ? `${sql}\0` : sql
    const known = this.#statements.get(key)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    statement.setReadBigInts(readBigInts)
    if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear()
    this.#statements.set(key, statement)
    return statement
  }
}

/** Switches to the write-ahead log, which others may be about to do: for this SQLite does not wait by itself. */
function logAhead(db: DatabaseSync): void {
  const giveUp = performance.now() + BUSY_MS
  for (;;) {
    try {
      db.exec('pragma journal_mode = wal')
      return
    } catch (error) {
      if (codeOf(error) !== SQLITE_BUSY || performance.now() >= giveUp) throw error
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_RETRY_MS)
  }
}

/** SQLite's primary result code. */
function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined
}

/** What the writes of one turn of the event loop share. */
interface Turn {
  readonly committed: PromiseWithResolvers<void>
  readonly timer: NodeJS.Immediate
  fault: unknown
}

/** Others hold a file for the time of one transaction, at most of one batch of removals. */
const BUSY_MS = 5_000
const BUSY_RETRY_MS = 5
const SQLITE_BUSY = 5

/** The program has about a hundred texts; only texts that are made up on the way could be more. */
const STATEMENTS_MAX = 512
/** 16 MiB of log: SQLite copies it to the database in the main thread, and pages that changed often are copied once. */
const CHECKPOINT_PAGES = 4_000

/** SQLITE_FULL, and SQLITE_IOERR, which it is when one of the files beside the database cannot grow. */
const DISK_FAULTS = new Set([13, 10])
/** The same, as the system says it of a file that is brought to the disk. */
const SYSTEM_DISK_FAULTS = new Set(['ENOSPC', 'EDQUOT', 'EIO'])

/** Whether the disk took no more; what is tried again later may work. */
export function isDiskFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = codeOf(error)
  if (code !== undefined) return DISK_FAULTS.has(code)
  return 'code' in error && SYSTEM_DISK_FAULTS.has(String(error.code))
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
