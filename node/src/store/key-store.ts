import type { SQLOutputValue } from 'node:sqlite'
import type { Database } from './database.ts'

/** A key as it is kept: never its secret. */
export interface KeyRow {
  readonly id: string
  readonly name: string
  /** SHA-256 of the secret. */
  readonly digest: Uint8Array
  /** The secret's last characters, to tell keys apart by. */
  readonly hint: string
  /** Of the secret before the last rotation, and until when it counts, ms since 1970. */
  readonly old: { readonly digest: Uint8Array; readonly until: number } | undefined
  /** JSON. */
  readonly terms: string
  readonly createdAt: number
  readonly revokedAt: number | undefined
  readonly lastUsedAt: number | undefined
}

/** Keys of a gateway. Every change is on the disk when a call returns. */
export class KeyStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Oldest first, revoked ones too. */
  all(): KeyRow[] {
    return this.#db.prepare('select * from gateway_key order by created_at, id').all().map(toRow)
  }

  insert({ id, name, digest, hint, terms, createdAt }: KeyRow): void {
    this.#db.durably(() => {
      this.#db
        .prepare(
          'insert into gateway_key (id, name, digest, hint, terms, created_at) values (?, ?, ?, ?, ?, ?)',
        )
        .run(id, name, digest, hint, terms, createdAt)
    })
  }

  /** Keeps all of a key that may change. */
  update({ id, name, digest, hint, old, terms, revokedAt }: KeyRow): void {
    this.#db.durably(() => {
      this.#db
        .prepare(
          `update gateway_key set name = ?, digest = ?, hint = ?, old_digest = ?, old_until = ?, terms = ?, revoked_at = ?
           where id = ?`,
        )
        .run(
          name,
          digest,
          hint,
          old?.digest ?? null,
          old?.until ?? null,
          terms,
          revokedAt ?? null,
          id,
        )
    })
  }

  /** Not brought to the disk at once: after a power cut it may be a little old. */
  used(id: string, at: number): void {
    this.#db.write(() =>
      this.#db.prepare('update gateway_key set last_used_at = ? where id = ?').run(at, id),
    )
  }
}

function toRow(row: Record<string, SQLOutputValue>): KeyRow {
  const time = (value: SQLOutputValue | undefined) => (value === null ? undefined : Number(value))
  return {
    id: String(row.id),
    name: String(row.name),
    digest: row.digest as Uint8Array,
    hint: String(row.hint),
    old:
      row.old_digest instanceof Uint8Array
        ? { digest: row.old_digest, until: Number(row.old_until) }
        : undefined,
    terms: String(row.terms),
    createdAt: Number(row.created_at),
    revokedAt: time(row.revoked_at),
    lastUsedAt: time(row.last_used_at),
  }
}
