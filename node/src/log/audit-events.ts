import {
  bytesEqual,
  decodeCanonical,
  encodeCanonical,
  LEAF_SALT_BYTES,
  leafCommitment,
  openPersonal,
  RESIDENCY_REASONS,
  type Residency,
  residencySchema,
  SEAL_KEY_BYTES,
  SEAL_NONCE_BYTES,
  sealPersonal,
} from '@hanse/protocol'
import { CID } from 'multiformats/cid'
import { z } from 'zod'
import type { Database } from '../store/database.ts'

/** What a leaf of a node's log commits to. Links only: the records themselves are in the node's store. */
const auditEvent = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('session'),
    role: z.enum(['consumer', 'provider']),
    /** The Order. */
    session: z.instanceof(CID),
    /** The last doubly-signed receipt. */
    receipt: z.instanceof(CID),
    at: z.number().int(),
    /** The other peer's id, sealed with its own key: a peer id is personal data. */
    counterparty: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
  }),
  /** Somebody's key was destroyed; whose is what must not be told. */
  z.strictObject({ kind: z.literal('erasure'), at: z.number().int() }),
  /** Why personal data may be processed was stated, or that was withdrawn. */
  z.strictObject({
    kind: z.literal('lawful-basis'),
    action: z.enum(['given', 'withdrawn']),
    purpose: z.string(),
    basis: z.string(),
    /** Of the text that it was stated to. */
    version: z.string(),
    at: z.number().int(),
  }),
  /** A key of the gateway; by its id, which says nothing of who has it. */
  z.strictObject({
    kind: z.literal('key'),
    action: z.enum(['created', 'changed', 'rotated', 'revoked']),
    key: z.string(),
    at: z.number().int(),
  }),
  /** A budget stopped a request for the first time in its period; the whole gateway's where there is no key. */
  z.strictObject({
    kind: z.literal('budget-stop'),
    key: z.string().nullable(),
    from: z.number().int(),
    at: z.number().int(),
  }),
  /** A peer got no prompt, or took none, for its place (see `RESIDENCY_REASONS`), or for the relays on the way to it. */
  z.strictObject({
    kind: z.literal('residency'),
    role: z.enum(['consumer', 'provider']),
    /** Who saw to it: while offers were compared, on the connection, or who was to take the prompt. */
    place: z.enum(['discovery', 'before-prompt', 'provider']),
    reason: z.enum([...RESIDENCY_REASONS, 'unproven', 'relay-excluded']),
    /** As the provider says itself; empty where it could not be asked. */
    country: z.string(),
    policy: residencySchema,
    /** The other peer's id, sealed. */
    counterparty: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
    at: z.number().int(),
  }),
  /** Where prompts may be processed from here on. */
  z.strictObject({
    kind: z.literal('policy'),
    residency: residencySchema,
    at: z.number().int(),
  }),
  /** Somebody with access to this machine looked into the log, and what they asked by. */
  z.strictObject({
    kind: z.literal('log-read'),
    action: z.enum(['search', 'package']),
    filters: z.array(z.string()).max(16),
    at: z.number().int(),
  }),
  /** How much of each kind was removed because it was kept long enough. */
  z.strictObject({
    kind: z.literal('retention'),
    requests: z.number().int(),
    openings: z.number().int(),
    metadata: z.number().int(),
    at: z.number().int(),
  }),
])
export type AuditEvent = z.infer<typeof auditEvent>
export type AuditEventKind = AuditEvent['kind']
export const AUDIT_EVENT_KINDS: readonly AuditEventKind[] = auditEvent.options.map(
  ({ shape }) => shape.kind.value,
)

/** An event as a search reads it. */
export interface ListedEvent {
  readonly id: number
  /** Its place in the log; undefined until it has one. */
  readonly entry: bigint | undefined
  readonly event: AuditEvent
}

/** A stored event, with what it takes to show that it is the one in the log. */
export interface StoredEvent {
  readonly event: AuditEvent
  readonly body: Uint8Array
  readonly salt: Uint8Array
  /** What the log holds of it. */
  readonly leaf: Uint8Array
}

export interface Pending {
  readonly id: number
  readonly leaf: Uint8Array
}

/** Two CIDs, a sealed peer id and some names. */
const BODY_BYTES_MAX = 4096

/** The events of a node's log, in the same file as the log. What was added is pending until it has a place in the log. */
export class AuditEvents {
  readonly #db: Database
  readonly #random: (bytes: number) => Uint8Array

  constructor(db: Database, random: (bytes: number) => Uint8Array) {
    this.#db = db
    this.#random = random
  }

  hasSession(session: string): boolean {
    return this.#db.prepare('select 1 from event where session = ?').get(session) !== undefined
  }

  /** Adds an event; of one session once. @returns whether it is new */
  add(event: AuditEvent): boolean {
    const body = encodeCanonical(event)
    const salt = this.#random(LEAF_SALT_BYTES)
    const session = event.kind === 'session' ? event.session.toString() : null
    const { changes } = this.#db.writeOne(() =>
      this.#db
        .prepare(
          'insert into event (session, leaf, salt, body) values (?, ?, ?, ?) on conflict do nothing',
        )
        .run(session, leafCommitment(salt, body), salt, body),
    )
    return changes === 1
  }

  /** In the order in which they were added. */
  pending(max: number): Pending[] {
    return this.#db
      .prepare('select id, leaf from event where entry is null order by id limit ?')
      .all(max)
      .map(({ id, leaf }) => ({ id: Number(id), leaf: leaf as Uint8Array }))
  }

  pendingCount(): number {
    return Number(this.#db.prepare('select count(*) as n from event where entry is null').get()?.n)
  }

  /**
   * Gives pending events their places. Within the commit of the log: an event is in the log exactly if it has a place.
   *
   * @throws {Error} when one has a place already, as when two processes log the same events
   */
  place(pending: readonly Pending[], firstIndex: bigint): void {
    const update = this.#db.prepare('update event set entry = ? where id = ? and entry is null')
    for (const [i, { id }] of pending.entries()) {
      const { changes } = update.run(firstIndex + BigInt(i), id)
      if (changes !== 1) throw new Error(`event ${id} is in the log already`)
    }
  }

  /** The event at an index of the log; undefined, too, where it was erased. */
  at(index: bigint): StoredEvent | undefined {
    const row = this.#db
      .prepare('select leaf, salt, body from event where entry = ? and length(body) > 0')
      .get(index)
    if (row === undefined) return undefined
    const body = row.body as Uint8Array
    const event = auditEvent.parse(decodeCanonical(body, BODY_BYTES_MAX))
    return { event, body, salt: row.salt as Uint8Array, leaf: row.leaf as Uint8Array }
  }

  /** Newest first, before the one given. */
  newest(max: number, before?: number): ListedEvent[] {
    return this.#db
      .prepare(
        'select id, entry, body from event where id < ? and length(body) > 0 order by id desc limit ?',
      )
      .all(before ?? Number.MAX_SAFE_INTEGER, max)
      .map(({ id, entry, body }) => ({
        id: Number(id),
        entry: entry === null ? undefined : BigInt(Number(entry)),
        event: auditEvent.parse(decodeCanonical(body as Uint8Array, BODY_BYTES_MAX)),
      }))
  }

  /** Adds where prompts may be processed, unless the last such event says the same. @returns whether it is new */
  addPolicy(residency: Residency, at: number): boolean {
    const value = encodeCanonical({ ...residency })
    const known = this.#db.prepare("select value from stated where name = 'residency'").get()?.value
    if (known instanceof Uint8Array && bytesEqual(known, value)) return false
    this.#db.durably(() => {
      this.add({ kind: 'policy', residency, at })
      this.#db
        .prepare(
          `insert into stated (name, value) values ('residency', ?)
           on conflict (name) do update set value = excluded.value`,
        )
        .run(value)
    })
    return true
  }

  /** Seals a peer id with its own key, which is made when it is first seen. */
  seal(peer: string): Uint8Array {
    const key = this.#keyOf(peer) ?? this.#makeKey(peer)
    return sealPersonal(key, this.#random(SEAL_NONCE_BYTES), new TextEncoder().encode(peer))
  }

  /** Whose id was sealed, as far as its key still exists. */
  unseal(sealed: Uint8Array): string | undefined {
    for (const { key } of this.#db.prepare('select key from subject').all()) {
      try {
        return new TextDecoder().decode(openPersonal(key as Uint8Array, sealed))
      } catch {
        // Another subject's.
      }
    }
    return undefined
  }

  /**
   * Destroys a subject's key: nothing that was sealed for it can be read again, while the log and every proof stay as they
   * are. The log says that an erasure took place. @returns whether there was a key
   */
  eraseSubject(peer: string, at: number): boolean {
    const isErased = this.#db.durably(() => {
      const { changes } = this.#db.prepare('delete from subject where peer = ?').run(peer)
      if (changes > 0) this.add({ kind: 'erasure', at })
      return changes > 0
    })
    // The write-ahead log would hold a copy of the key until it is overwritten some day.
    this.#db.prepare('pragma wal_checkpoint(truncate)').get()
    return isErased
  }

  /** How many of these sessions the log tells of, and for how many of these peers there is a key. */
  countOf(
    sessions: readonly string[],
    peers: readonly string[],
  ): { entries: number; keys: number } {
    const count = (sql: string, names: readonly string[]) =>
      Number(this.#db.prepare(sql).get(JSON.stringify(names))?.n ?? 0)
    return {
      entries: count(
        'select count(*) as n from event where session in (select value from json_each(?))',
        sessions,
      ),
      keys: count(
        'select count(*) as n from subject where peer in (select value from json_each(?))',
        peers,
      ),
    }
  }

  /**
   * Erases what the log commits to of these sessions: which they were, and when. Its leaves stay, which without the salt say
   * nothing, and so every other proof stays valid.
   */
  eraseSessions(sessions: readonly string[]): void {
    this.#db.durably(() =>
      this.#db
        .prepare(
          `update event set session = null, body = zeroblob(0), salt = zeroblob(0)
           where session in (select value from json_each(?))`,
        )
        .run(JSON.stringify(sessions)),
    )
    this.#db.prepare('pragma wal_checkpoint(truncate)').get()
  }

  #keyOf(peer: string): Uint8Array | undefined {
    const row = this.#db.prepare('select key from subject where peer = ?').get(peer)
    return row?.key instanceof Uint8Array ? row.key : undefined
  }

  #makeKey(peer: string): Uint8Array {
    const key = this.#random(SEAL_KEY_BYTES)
    this.#db.writeOne(() =>
      this.#db.prepare('insert into subject (peer, key) values (?, ?)').run(peer, key),
    )
    return key
  }
}
