import type { SQLOutputValue } from 'node:sqlite'
import type { Database } from './database.ts'

/** Why personal data may be processed, as its controller stated it. */
export interface BasisRecord {
  readonly purpose: string
  readonly basis: string
  /** Of the text that it was stated to. */
  readonly version: string
  /** Milliseconds since 1970. */
  readonly givenAt: number
  readonly givenBy: string
  readonly withdrawnAt: number | undefined
  readonly withdrawnBy: string | undefined
}

export interface RetentionRow {
  readonly at: number
  /** JSON. */
  readonly removed: string
}

/** Bodies and secrets removed in one transaction: each is a page or a few, and nobody else may write meanwhile. */
const OPENINGS_BATCH = 500
/** A run a day for ten years. */
const RUNS_MAX = 3_660

/** What a node keeps to show that it processes personal data as the law asks, and what it removes. */
export class PrivacyStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Every basis that was ever stated for a purpose, oldest first. */
  bases(purpose: string): BasisRecord[] {
    return this.#db
      .prepare('select * from lawful_basis where purpose = ? order by id')
      .all(purpose)
      .map(toBasis)
  }

  addBasis({
    purpose,
    basis,
    version,
    givenAt,
    givenBy,
  }: Omit<BasisRecord, 'withdrawnAt' | 'withdrawnBy'>): void {
    this.#db.durably(() => {
      this.#db
        .prepare(
          'insert into lawful_basis (purpose, basis, version, given_at, given_by) values (?, ?, ?, ?, ?)',
        )
        .run(purpose, basis, version, givenAt, givenBy)
    })
  }

  /** Ends all that stand for a purpose. */
  withdrawBases(purpose: string, at: number, by: string): void {
    this.#db.durably(() => {
      this.#db
        .prepare(
          `update lawful_basis set withdrawn_at = ?, withdrawn_by = ?
           where purpose = ? and withdrawn_at is null`,
        )
        .run(at, by, purpose)
    })
  }

  /**
   * Removes some request bodies, or some openings whole, of sessions that ended before `before`.
   *
   * @returns how many; fewer than a batch when there are no more
   */
  removeOpenings(what: 'bodies' | 'openings', before: number): { removed: number; more: boolean } {
    const old = `session in (
      select o.session from opening o join session s using (session)
      where s.ended_at < ? ${what === 'bodies' ? 'and o.request is not null' : ''} limit ?)`
    const { changes } = this.#db
      .prepare(
        what === 'bodies'
          ? `update opening set request = null where ${old}`
          : `delete from opening where ${old}`,
      )
      .run(before, OPENINGS_BATCH)
    return { removed: Number(changes), more: Number(changes) === OPENINGS_BATCH }
  }

  /** What `run` removes is overwritten, not only marked as free. */
  securely<Result>(run: () => Result): Result {
    this.#db.prepare('pragma secure_delete = on').get()
    try {
      return this.#db.transaction(run)
    } finally {
      this.#db.prepare('pragma secure_delete = off').get()
    }
  }

  /** The log of changes would hold copies of what was removed until it is overwritten some day. */
  forgetChanges(): void {
    this.#db.flush()
    this.#db.prepare('pragma wal_checkpoint(truncate)').get()
  }

  addRun({ at, removed }: RetentionRow): void {
    this.#db.transaction(() => {
      this.#db
        .prepare(
          'insert into retention_run (at, removed) values (?, ?) on conflict (at) do update set removed = excluded.removed',
        )
        .run(at, removed)
      this.#db
        .prepare(
          'delete from retention_run where at not in (select at from retention_run order by at desc limit ?)',
        )
        .run(RUNS_MAX)
    })
  }

  /** Newest first. */
  runs(limit: number): RetentionRow[] {
    return this.#db
      .prepare('select at, removed from retention_run order by at desc limit ?')
      .all(limit)
      .map(({ at, removed }) => ({ at: Number(at), removed: String(removed) }))
  }
}

function toBasis(row: Record<string, SQLOutputValue>): BasisRecord {
  return {
    purpose: String(row.purpose),
    basis: String(row.basis),
    version: String(row.version),
    givenAt: Number(row.given_at),
    givenBy: String(row.given_by),
    withdrawnAt: row.withdrawn_at === null ? undefined : Number(row.withdrawn_at),
    withdrawnBy: row.withdrawn_by === null ? undefined : String(row.withdrawn_by),
  }
}
