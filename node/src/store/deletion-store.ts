import type { SQLInputValue, SQLOutputValue } from 'node:sqlite'
import {
  type DeletionClass,
  type DeletionRequest,
  type Named,
  order,
  quote,
  type SignedRecord,
  spendAuthorization,
  spotCheck,
} from '@hanse/protocol'
import type { HeldSession, HeldTerms } from '../deletion/judge-session.ts'
import { type Database, pack, unpack } from './database.ts'
import { organizationPayer, payersOf } from './payer-store.ts'

export type Counts = Partial<Record<DeletionClass, number>>

/** A request of settlement's as this node has it. */
export interface DeletionEntry {
  readonly cid: string
  readonly settlement: string
  readonly side: DeletionRequest['side']
  /** Milliseconds since 1970, as the next two. */
  readonly at: number
  readonly dueAt: number
  readonly receivedAt: number
  /** It names whom it is about, and is forgotten when all is said. */
  readonly signed: SignedRecord | undefined
  /** Since it came. */
  readonly erased: Counts
  /** -1 before the first answer. */
  readonly sequence: number
  readonly confirmation: SignedRecord | undefined
  /** The last answer that settlement has taken. */
  readonly told: number
  readonly refused: string | undefined
}

/** What settlement asks this node to erase, what was erased, and what it was told. */
export class DeletionStore {
  readonly #db: Database
  readonly #onErased: () => void

  /** @param onErased what is remembered of rows may be of some that are gone */
  constructor(db: Database, onErased: () => void) {
    this.#db = db
    this.#onErased = onErased
  }

  /** Keeps a request that was verified; keeping it again changes nothing. */
  receive({ cid, value, ...signed }: Named<DeletionRequest> & SignedRecord, now: number): void {
    const { settlement, side, at, dueAt } = value
    this.#write(
      `insert into deletion_request (cid, settlement, side, at, due_at, signed, received_at)
       values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
      cid.toString(),
      settlement,
      side,
      at,
      dueAt,
      pack(signed),
      now,
    )
  }

  /** Newest first. */
  all(): DeletionEntry[] {
    return this.#db
      .prepare('select * from deletion_request order by received_at desc, cid')
      .all()
      .map(toEntry)
  }

  of(cid: string): DeletionEntry | undefined {
    const row = this.#db.prepare('select * from deletion_request where cid = ?').get(cid)
    return row && toEntry(row)
  }

  /** Settlement asks again: it may have lost what it was told. */
  tellAgain(cid: string): void {
    this.#write('update deletion_request set told = -1 where cid = ?', cid)
  }

  /** Sessions that a request means, whatever is to become of them. */
  sessionsOf({ side, consumers, authorizations, at }: DeletionRequest): HeldSession[] {
    return this.#db
      .prepare(
        `select s.session, s.peer, s.authorization, s.ended_at,
           case when o.session is null then 'none' when o.refused is null then 'waiting' else 'refused' end as submission
         from session s left join outbox o using (session)
         where s.role = ? and s.started_at <= ?
           and (s.authorization in (select value from json_each(?)) or s.peer in (select value from json_each(?)))`,
      )
      .all(side, at, list(authorizations.map(String)), list(side === 'provider' ? consumers : []))
      .map((row) => ({
        session: String(row.session),
        peer: String(row.peer),
        authorization: row.authorization === null ? undefined : String(row.authorization),
        endedAt: row.ended_at === null ? undefined : Number(row.ended_at),
        submission: row.submission as HeldSession['submission'],
      }))
  }

  /** Those of the peers that no session of a provider is of, whenever it was. */
  withoutSessions(peers: readonly string[]): string[] {
    return this.#db
      .prepare(
        `select value from json_each(?)
         where value not in (select peer from session where role = 'provider')`,
      )
      .all(list(peers))
      .map(({ value }) => String(value))
  }

  /** Of an authorization that this node holds: the signed record says it. */
  termsOf(cid: string): HeldTerms | undefined {
    const found = this.#db
      .prepare(
        `select r.signed, exists (select 1 from authorization_release a where a.authorization = r.cid) as released
         from record r where r.cid = ?`,
      )
      .get(cid)
    if (found === undefined) return undefined
    const { issuer, notAfter } = spendAuthorization.decode(unpack(found.signed).bytes)
    return { issuer, openUntil: found.released === 1 ? 0 : notAfter }
  }

  /** Releases of these authorizations that still keep orders out; the last ends at the time returned. */
  openReleases(
    authorizations: readonly string[],
    now: number,
  ): { readonly count: number; readonly until: number } {
    const rows = this.#db
      .prepare(
        `select r.signed from authorization_release a join record r on r.cid = a.authorization
         where a.authorization in (select value from json_each(?))`,
      )
      .all(list(authorizations))
    const ends = rows
      .map(({ signed }) => spendAuthorization.decode(unpack(signed).bytes).notAfter)
      .filter((notAfter) => notAfter >= now)
    return { count: ends.length, until: Math.max(0, ...ends) }
  }

  /**
   * What is about to be erased from the node's log, which is another file: counted when it is there to be counted, so that
   * a crash after it is erased there loses no count.
   */
  expectLog(cid: string, counts: Counts): void {
    this.#db.durably(() => {
      const known = this.#json(cid, 'log_pending')
      const most = Object.fromEntries(
        [...new Set([...Object.keys(known), ...Object.keys(counts)])].map((key) => [
          key,
          Math.max(known[key as DeletionClass] ?? 0, counts[key as DeletionClass] ?? 0),
        ]),
      )
      this.#put(cid, 'log_pending', most)
    })
  }

  /** Erases sessions of a provider with all that hangs on them, and counts it; overwritten, not only marked as free. */
  eraseSold(cid: string, sessions: readonly string[]): void {
    this.#securely(cid, () => {
      const records = this.#recordsOf(sessions)
      const gone = {
        openings: this.#delete('opening', 'session', sessions),
        proofs: this.#delete('settlement_proof', 'session', sessions),
        receipts: this.#delete('receipt', 'session', sessions),
      }
      this.#delete('outbox', 'session', sessions)
      this.#delete('session_note', 'session', sessions)
      const ended = { sessions: this.#delete('session', 'session', sessions) }
      return { ...gone, ...ended, records: this.#delete('record', 'cid', records) }
    })
  }

  /**
   * Erases what opens a consumer's sessions, the answers that were kept to compare, and whose they were. Its receipts are its
   * accounting, and what a comparison found, which is signed, says nothing of what was answered.
   */
  eraseBought(cid: string, sessions: readonly string[]): void {
    this.#securely(cid, () => ({
      openings: this.#delete('opening', 'session', sessions) + this.#eraseTexts(sessions),
      attributions:
        Number(
          this.#db
            .prepare(
              `update attribution set key = '', tags = '[]'
               where session in (select value from json_each(?)) and (key <> '' or tags <> '[]')`,
            )
            .run(list(sessions)).changes,
        ) + this.#delete('session_note', 'session', sessions),
    }))
  }

  /**
   * Erases what is left of authorizations without sessions, and records that name any of `consumers` and that no session
   * which is kept rests on.
   */
  eraseRest(
    cid: string,
    settlement: string,
    authorizations: readonly string[],
    consumers: readonly string[],
    now: number,
  ): void {
    this.#securely(cid, () => {
      this.#delete('payer_default', 'payer', [
        ...consumers.flatMap((consumer) => payersOf(consumer, undefined)),
        ...this.#organizationsOf(authorizations),
      ])
      const unused = this.#unused(authorizations)
      const over = unused.filter((one) => (this.termsOf(one)?.openUntil ?? 0) < now)
      const statements = this.#delete('statement', 'authorization', over)
      const ended = over.filter((one) => this.#notAfter(one) < now)
      const releases = this.#delete('authorization_release', 'authorization', ended)
      const held = new Set(this.#releasedNames())
      const records = this.#delete(
        'record',
        'cid',
        over.filter((one) => !held.has(one)),
      )
      const naming = this.#naming(settlement, consumers).filter((one) => !held.has(one))
      return { statements, releases, records: records + this.#delete('record', 'cid', naming) }
    })
  }

  /** Of comparisons of which either answer is one of these sessions: the other one answers the same request. */
  #eraseTexts(sessions: readonly string[]): number {
    const meant = new Set(sessions)
    const names = this.#db
      .prepare('select cid, signed from spot_check where first_text is not null')
      .all()
      .filter(({ signed }) => {
        const { first, second } = spotCheck.decode(unpack(signed).bytes)
        return [first, second].some(({ order: asked }) => meant.has(asked.toString()))
      })
      .map(({ cid }) => String(cid))
    const { changes } = this.#db
      .prepare(
        `update spot_check set first_text = null, second_text = null
         where cid in (select value from json_each(?))`,
      )
      .run(list(names))
    return Number(changes)
  }

  /** What was erased since the request came. */
  erased(cid: string): Counts {
    return this.#json(cid, 'erased')
  }

  /** The node's answer: on the disk before it is told. */
  confirm(cid: string, sequence: number, confirmation: SignedRecord): void {
    this.#write(
      'update deletion_request set sequence = ?, confirmation = ? where cid = ?',
      sequence,
      pack(confirmation),
      cid,
    )
  }

  /**
   * Writes the whole file anew: rows that were changed before they were erased have left copies in pages. Takes as long as
   * it takes to copy the file, and nothing else is done meanwhile.
   */
  scrub(): void {
    const due = this.#db.prepare('select cid from deletion_request where scrubbed < sequence').all()
    if (due.length === 0) return
    this.#db.flush()
    this.#db.prepare('vacuum').run()
    this.#db.prepare('pragma wal_checkpoint(truncate)').get()
    this.#write('update deletion_request set scrubbed = sequence where scrubbed < sequence')
  }

  /** Answers that settlement has not taken, of files that were written anew since. */
  untold(settlement: string): DeletionEntry[] {
    return this.#db
      .prepare(
        `select * from deletion_request where settlement = ? and told < sequence and scrubbed >= sequence
           and refused is null order by received_at, cid`,
      )
      .all(settlement)
      .map(toEntry)
  }

  /** @param isFinal nothing of it is to be looked at again: whom it was about is forgotten */
  told(cid: string, sequence: number, isFinal: boolean): void {
    this.#write(
      `update deletion_request set told = ?${isFinal ? ', signed = null' : ''} where cid = ?`,
      sequence,
      cid,
    )
    if (isFinal) this.#db.prepare('pragma wal_checkpoint(truncate)').get()
  }

  /** Settlement will not have it. */
  refused(cid: string, code: string): void {
    this.#write('update deletion_request set refused = ? where cid = ?', code, cid)
  }

  /** Organizations behind authorizations that this node holds, as the memory of unpaid windows names them. */
  #organizationsOf(authorizations: readonly string[]): string[] {
    return this.#db
      .prepare('select signed from record where cid in (select value from json_each(?))')
      .all(list(authorizations))
      .map(({ signed }) => organizationPayer(spendAuthorization.decode(unpack(signed).bytes)))
  }

  /** Authorizations that this node has released. */
  #releasedNames(): string[] {
    return this.#db
      .prepare('select authorization from authorization_release')
      .all()
      .map(({ authorization }) => String(authorization))
  }

  /** What was there before is overwritten, and what is there now is on the disk. */
  #write(sql: string, ...values: SQLInputValue[]): void {
    this.#db.flush()
    this.#db.prepare('pragma secure_delete = on').get()
    try {
      this.#db.durably(() => this.#db.prepare(sql).run(...values))
    } finally {
      this.#db.prepare('pragma secure_delete = off').get()
    }
  }

  /** Adds to the sums of a request what `run` says that it has erased, and what was erased from the log. */
  #securely(cid: string, run: () => Counts): void {
    this.#db.flush()
    this.#db.prepare('pragma secure_delete = on').get()
    try {
      this.#db.transaction(() => {
        const erased = this.#json(cid, 'erased')
        for (const counts of [this.#json(cid, 'log_pending'), run()]) {
          for (const [key, count] of Object.entries(counts) as [DeletionClass, number][])
            if (count > 0) erased[key] = (erased[key] ?? 0) + count
        }
        this.#put(cid, 'erased', erased)
        this.#put(cid, 'log_pending', {})
      })
    } finally {
      this.#db.prepare('pragma secure_delete = off').get()
    }
    this.#onErased()
  }

  #delete(table: string, column: string, names: readonly string[]): number {
    if (names.length === 0) return 0
    const { changes } = this.#db
      .prepare(`delete from ${table} where ${column} in (select value from json_each(?))`)
      .run(list(names))
    return Number(changes)
  }

  /** The order of each session, what answered it, and what was asked and quoted before. */
  #recordsOf(sessions: readonly string[]): string[] {
    const accepted = this.#db
      .prepare(
        `select acceptance from session where acceptance is not null
           and session in (select value from json_each(?))`,
      )
      .all(list(sessions))
      .map(({ acceptance }) => String(acceptance))
    return [...sessions.flatMap((session) => this.#roundsOf(session)), ...accepted]
  }

  /** An order, the quote that it cites, the order before that, … */
  #roundsOf(ordered: string): string[] {
    const found = this.#db.prepare('select signed from record where cid = ?').get(ordered)
    if (found === undefined) return []
    const cited = order.decode(unpack(found.signed).bytes).quote?.toString()
    if (cited === undefined) return [ordered]
    const answer = this.#db.prepare('select signed from record where cid = ?').get(cited)
    if (answer === undefined) return [ordered, cited]
    return [
      ordered,
      cited,
      ...this.#roundsOf(quote.decode(unpack(answer.signed).bytes).order.toString()),
    ]
  }

  /** Authorizations that no session is under any more, and that are not this node's own to spend. */
  #unused(authorizations: readonly string[]): string[] {
    return this.#db
      .prepare(
        `select value from json_each(?) where value not in (select authorization from session where authorization is not null)
           and value not in (select authorization from held_authorization)`,
      )
      .all(list(authorizations))
      .map(({ value }) => String(value))
  }

  #notAfter(authorization: string): number {
    const found = this.#db.prepare('select signed from record where cid = ?').get(authorization)
    return found === undefined ? 0 : spendAuthorization.decode(unpack(found.signed).bytes).notAfter
  }

  /** Records that name one of these peers: of orders that came to nothing, too. The whole table is read. */
  #naming(settlement: string, consumers: readonly string[]): string[] {
    return consumers.flatMap((consumer) => {
      const kept = this.#db
        .prepare('select session, acceptance, authorization from session where peer = ?')
        .all(consumer)
      const rests = new Set(
        kept.flatMap(({ session, acceptance, authorization }) => [
          ...this.#roundsOf(String(session)),
          String(acceptance),
          String(authorization),
        ]),
      )
      return this.#db
        .prepare('select cid, signed from record where instr(signed, cast(? as blob)) > 0')
        .all(consumer)
        .filter(({ cid, signed }) => !rests.has(String(cid)) && !isOthers(signed, settlement))
        .map(({ cid }) => String(cid))
    })
  }

  #json(cid: string, column: 'erased' | 'log_pending'): Counts {
    const row = this.#db
      .prepare(`select ${column} as value from deletion_request where cid = ?`)
      .get(cid)
    return row === undefined ? {} : (JSON.parse(String(row.value)) as Counts)
  }

  #put(cid: string, column: 'erased' | 'log_pending', counts: Counts): void {
    this.#db
      .prepare(`update deletion_request set ${column} = ? where cid = ?`)
      .run(JSON.stringify(counts), cid)
  }
}

/** Another settlement's promise, or one that this node may spend itself. */
function isOthers(signed: unknown, settlement: string): boolean {
  try {
    return spendAuthorization.decode(unpack(signed).bytes).issuer !== settlement
  } catch {
    return false
  }
}

const list = (names: readonly string[]): string => JSON.stringify(names)

const toEntry = (row: Record<string, SQLOutputValue>): DeletionEntry => ({
  cid: String(row.cid),
  settlement: String(row.settlement),
  side: row.side as DeletionEntry['side'],
  at: Number(row.at),
  dueAt: Number(row.due_at),
  signed: row.signed === null ? undefined : unpack(row.signed),
  receivedAt: Number(row.received_at),
  erased: JSON.parse(String(row.erased)) as Counts,
  sequence: Number(row.sequence),
  confirmation: row.confirmation === null ? undefined : unpack(row.confirmation),
  told: Number(row.told),
  refused: row.refused === null ? undefined : String(row.refused),
})
