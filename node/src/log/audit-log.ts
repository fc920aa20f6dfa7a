import { join } from 'node:path'
import {
  BATCH_ENTRIES_MAX,
  cidOf,
  type LogCommit,
  LogWriter,
  type NoteSigner,
  noteSignerOf,
  parseCheckpoint,
  type Residency,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { CID } from 'multiformats/cid'
import type { Database } from '../store/database.ts'
import type { NodeStore, SessionEnd } from '../store/node-store.ts'
import { type AuditEvent, AuditEvents, type Pending } from './audit-events.ts'
import { loadNoteKey, logNameOf } from './note-keys.ts'
import { keepVkey, openLogDatabase, SqliteLogStore } from './sqlite-log-store.ts'

export interface AuditLogOptions {
  readonly store: Pick<NodeStore, 'sessionEnd' | 'sessions'>
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'error'>
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** Between checkpoints, ms. */
  readonly everyMs?: number
}

/** A checkpoint tells how many sessions ended since the last one; a second holds several of a busy node. */
const EVERY_MS = 1_000
/** As many do not wait for the second to end. */
const FLUSH_AT = 256
/** Sessions looked through at the start for some that ended without being logged. */
const RECONCILE_MAX = 10_000

/**
 * A node's own transparency log: of each ended session with receipts a salted commitment. Sessions are added to a local file
 * together, with the checkpoint that is signed over them, and no request waits for it. What a crash keeps from being added the
 * next start finds in the store.
 */
export class AuditLog implements AsyncDisposable {
  readonly events: AuditEvents
  readonly store: SqliteLogStore
  readonly #options: AuditLogOptions
  readonly #db: Database
  #writer: LogWriter | undefined
  /** What the commit that is being made places. */
  #batch: readonly Pending[] | undefined
  /** Sessions that have ended and are not in the file. */
  #ended: Ended[] = []
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(db: Database, options: AuditLogOptions) {
    this.#db = db
    this.#options = options
    this.events = new AuditEvents(db, options.random)
    this.store = new SqliteLogStore(db, { within: (commit) => this.#place(commit) })
  }

  /**
   * Opens the log in `dataDir`, adds sessions that ended unlogged, and signs the first checkpoint.
   *
   * @throws {HanseError} what `LogWriter.open` throws: the log does not fit its key, or is damaged
   */
  static async open(
    dataDir: string,
    node: { readonly network: string; readonly peerId: string },
    options: AuditLogOptions,
  ): Promise<AuditLog> {
    const key = await loadNoteKey(join(dataDir, 'log.key'))
    const signer = noteSignerOf(logNameOf(node.network, node.peerId), key)
    const db = openLogDatabase(join(dataDir, 'log.db'))
    const audit = new AuditLog(db, options)
    try {
      await audit.#start(signer)
    } catch (error) {
      db[Symbol.dispose]()
      throw error
    }
    return audit
  }

  /** Logs that a session has ended, if it has a receipt. Never throws: the session is over either way. */
  record(session: string): void {
    try {
      const end = this.#closed ? undefined : this.#options.store.sessionEnd(session)
      if (end === undefined) return
      this.#ended.push({ session, end })
      const isFull = this.#ended.length >= FLUSH_AT
      this.#schedule(isFull ? 0 : (this.#options.everyMs ?? EVERY_MS))
    } catch (error) {
      // The next start finds the session in the store.
      this.#options.log.error({ session, cause: messageOf(error) }, 'a session was not logged')
    }
  }

  /** Logs something that is no session. Never throws: it has happened either way. */
  note(event: Exclude<AuditEvent, { kind: 'session' }>): void {
    try {
      if (this.#closed) return
      this.#addEnded()
      this.events.add(event)
      this.#schedule(this.#options.everyMs ?? EVERY_MS)
    } catch (error) {
      this.#options.log.error(
        { event: event.kind, cause: messageOf(error) },
        'an event was not logged',
      )
    }
  }

  /** Logs where prompts may be processed, if that has changed since it was last logged. Never throws. */
  notePolicy(residency: Residency): void {
    try {
      if (this.#closed) return
      if (this.events.addPolicy(residency, this.#options.now())) {
        this.#schedule(this.#options.everyMs ?? EVERY_MS)
      }
    } catch (error) {
      this.#options.log.error(
        { event: 'policy', cause: messageOf(error) },
        'an event was not logged',
      )
    }
  }

  /** Logs something about another peer, whose id is sealed with its own key. Never throws. */
  noteOf(
    peer: string,
    event: Omit<Extract<AuditEvent, { kind: 'residency' }>, 'counterparty' | 'at'>,
  ): void {
    try {
      if (this.#closed) return
      this.note({ ...event, counterparty: this.events.seal(peer), at: this.#options.now() })
    } catch (error) {
      const cause = messageOf(error)
      this.#options.log.error({ event: event.kind, cause }, 'an event was not logged')
    }
  }

  /** Events that have no place in the log yet. */
  pendingCount(): number {
    this.#addEnded()
    return this.events.pendingCount()
  }

  /** Brings what is pending into the log. @throws what kept it from there; it stays pending */
  async flush(): Promise<void> {
    const turn = this.#flushing.then(async () => await this.#flush())
    this.#flushing = turn.catch(() => undefined)
    await turn
  }

  /** See `AuditEvents.eraseSubject`. */
  eraseSubject(peer: string): boolean {
    // With the key that is destroyed, and not with another one.
    this.#addEnded()
    const isErased = this.events.eraseSubject(peer, this.#options.now())
    if (isErased) this.#schedule(this.#options.everyMs ?? EVERY_MS)
    return isErased
  }

  /** See `AuditEvents.countOf`. */
  countOf(
    sessions: readonly string[],
    peers: readonly string[],
  ): { entries: number; keys: number } {
    this.#addEnded()
    return this.events.countOf(sessions, peers)
  }

  /** See `AuditEvents.eraseSessions`. What has no place in the log yet gets it as a leaf alone. */
  eraseSessions(sessions: readonly string[]): void {
    this.#addEnded()
    this.events.eraseSessions(sessions)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.flush().catch((error: unknown) => this.#warn(error))
    this.#db[Symbol.dispose]()
  }

  async #start(signer: NoteSigner): Promise<void> {
    this.#writer = await LogWriter.open(this.store, signer)
    keepVkey(this.#db, signer.vkey)
    const sessions = this.#options.store.sessions({ limit: RECONCILE_MAX })
    for (const { session, endedAt } of sessions.toReversed()) {
      if (endedAt === undefined || this.events.hasSession(session)) continue
      const end = this.#options.store.sessionEnd(session)
      if (end !== undefined) this.#ended.push({ session, end })
    }
    await this.#writer.append([])
    await this.flush()
  }

  /** Never throws, as `record` does not. */
  #addEnded(): void {
    const ended = this.#ended
    if (ended.length === 0) return
    this.#ended = []
    try {
      this.#db.transaction(() => {
        for (const each of ended) this.#add(each)
      })
    } catch (error) {
      // The next start finds them in the store.
      const sessions = ended.length
      this.#options.log.error({ sessions, cause: messageOf(error) }, 'sessions were not logged')
    }
  }

  #add({ session, end }: Ended): void {
    this.events.add({
      kind: 'session',
      role: end.role,
      session: CID.parse(session),
      receipt: cidOf(end.last.bytes),
      at: end.endedAt ?? this.#options.now(),
      counterparty: this.events.seal(end.peer),
    })
  }

  #schedule(ms: number): void {
    if (this.#timer !== undefined && ms > 0) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.flush().catch((error: unknown) => {
        this.#warn(error)
        if (!this.#closed) this.#schedule(this.#options.everyMs ?? EVERY_MS)
      })
    }, ms).unref()
  }

  async #flush(): Promise<void> {
    this.#addEnded()
    for (;;) {
      const batch = this.events.pending(BATCH_ENTRIES_MAX)
      if (batch.length === 0) return
      this.#batch = batch
      try {
        await this.#writer?.append(batch.map(({ leaf }) => leaf))
      } finally {
        this.#batch = undefined
      }
    }
  }

  #place({ checkpoint }: LogCommit): void {
    if (this.#batch === undefined) return
    const { size } = parseCheckpoint(checkpoint)
    this.events.place(this.#batch, size - BigInt(this.#batch.length))
  }

  #warn(error: unknown): void {
    this.#options.log.warn({ cause: messageOf(error) }, 'the log of sessions waits: not written')
  }
}

interface Ended {
  readonly session: string
  readonly end: SessionEnd
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
