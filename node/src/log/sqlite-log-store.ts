import {
  HanseError,
  type LogCommit,
  type LogStore,
  parseTilePath,
  TILE_WIDTH,
} from '@hanse/protocol'
import { Database } from '../store/database.ts'
import { migrateLog } from './schema.ts'
import { type LogSource, noCheckpoint } from './source.ts'

export interface SqliteLogOptions {
  /** Runs within each commit, once it is sure to count: what it writes to the same file holds if the commit does. */
  readonly within?: (commit: LogCommit) => void
}

/** Opens the file of a log: `log.db` in the data folder. */
export function openLogDatabase(path: string): Database {
  return new Database(path, migrateLog)
}

/** A log in SQLite. Any number of processes may share the file. */
export class SqliteLogStore implements LogStore {
  readonly #db: Database
  readonly #within: (commit: LogCommit) => void

  constructor(db: Database, { within = () => {} }: SqliteLogOptions = {}) {
    this.#db = db
    this.#within = within
  }

  async readCheckpoint(): Promise<string | undefined> {
    return this.#head()
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const row = this.#db.prepare('select bytes from tile where path = ?').get(path)
    return row?.bytes instanceof Uint8Array ? row.bytes : undefined
  }

  async commit(commit: LogCommit): Promise<boolean> {
    return this.#db.durably(() => {
      // The transaction holds the only right to write: nobody can commit between this look and the swap.
      if (this.#head() !== commit.expected) return false
      for (const [path, bytes] of commit.tiles) this.#put(path, bytes)
      this.#db
        .prepare(
          `insert into head (id, checkpoint) values (1, ?)
           on conflict (id) do update set checkpoint = excluded.checkpoint`,
        )
        .run(commit.checkpoint)
      this.#within(commit)
      return true
    })
  }

  #head(): string | undefined {
    const row = this.#db.prepare('select checkpoint from head').get()
    return row === undefined ? undefined : String(row.checkpoint)
  }

  #put(path: string, bytes: Uint8Array): void {
    this.#db
      .prepare(
        `insert into tile (path, bytes) values (?, ?)
         on conflict (path) do update set bytes = excluded.bytes`,
      )
      .run(path, bytes)
    if (parseTilePath(path).width < TILE_WIDTH) return
    // The full tile stands in for its partial ones, of which there can be 255. '0' follows '/'.
    this.#db
      .prepare('delete from tile where path >= ? and path < ?')
      .run(`${path}.p/`, `${path}.p0`)
  }
}

/** The log in a store, to be read as anybody else's. */
export function storeSource(name: string, store: LogStore): LogSource {
  return {
    name,
    tile: async (path) => await store.read(path),
    checkpoint: async () => {
      const note = await store.readCheckpoint()
      if (note === undefined) throw noCheckpoint(name)
      return new TextEncoder().encode(note)
    },
    hasEntries: async () => true,
  }
}

/** The key under which others verify this log. @throws {HanseError} HANSE_LOG_TILE_MISSING when nothing was logged yet */
export function vkeyOf(db: Database, name: string): string {
  const row = db.prepare('select vkey from identity').get()
  if (row === undefined) throw new HanseError('HANSE_LOG_TILE_MISSING', `no log in ${name}`)
  return String(row.vkey)
}

/** Keeps that key. */
export function keepVkey(db: Database, vkey: string): void {
  db.prepare(
    'insert into identity (id, vkey) values (1, ?) on conflict (id) do update set vkey = excluded.vkey',
  ).run(vkey)
}
