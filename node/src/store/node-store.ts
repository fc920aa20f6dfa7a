import type { SQLInputValue } from 'node:sqlite'
import {
  type Acceptance,
  cidOf,
  type FinalReason,
  type Named,
  type Offer,
  type Order,
  order,
  type PicoEuro,
  picoEuro,
  quote,
  type Receipt,
  type Round,
  regionAttestation,
  type SessionEvidence,
  type SignedRecord,
  type SpendAuthorization,
} from '@hanse/protocol'
import { AuthorizationEnds } from './authorization-ends.ts'
import { Database, isDiskFault, pack, unpack } from './database.ts'
import { DeletionStore } from './deletion-store.ts'
import { KeyStore } from './key-store.ts'
import { SqliteMeasurementStore } from './measurement-store.ts'
import { NoteStore, type SessionTiming } from './note-store.ts'
import { PayerStore } from './payer-store.ts'
import { PrivacyStore } from './privacy-store.ts'
import { migrate } from './schema.ts'
import { type SessionEnd, SessionEnds, type SessionRole } from './session-ends.ts'
import { SpendStore } from './spend-store.ts'
import { SpentSums } from './spent-sums.ts'
import { SpotCheckStore } from './spot-check-store.ts'
import { StatementStore } from './statement-store.ts'

export type { SessionEnd, SessionRole }

/** What opens the commitments of a session; it is in no record and no bundle. */
export interface Opening {
  readonly secret: Uint8Array
  /** The request body, where the owner has it kept. */
  readonly request: Uint8Array | undefined
}

export interface SessionRow {
  /** CID of the Order. */
  readonly session: string
  readonly role: SessionRole
  readonly peer: string
  readonly model: string
  readonly startedAt: number
  readonly endedAt: number | undefined
  readonly reason: string | undefined
  /** Of the last doubly-signed receipt; zero before the first. */
  readonly amount: PicoEuro
  readonly receipts: number
}

/** What settlement needs to book a session. */
export interface Submission {
  readonly session: string
  readonly sequence: bigint
  readonly order: SignedRecord
  readonly acceptance: SignedRecord
  readonly authorization: SignedRecord | null
  readonly attestation: SignedRecord | null
  readonly receipt: SignedRecord
}

interface SessionEnding {
  readonly reason: FinalReason
  readonly now: number
  readonly timing: SessionTiming | undefined
}

/** How long after a session settlement is still told of it, at most. */
const ATTEMPT_MS_MAX = 60_000
/** Some 100 bytes each. */
const KEPT_MAX = 4_096

/**
 * What a node must not forget: every record it signed or was given, every doubly-signed receipt, and what settlement has
 * not acknowledged yet. One process owns the file.
 */
export class NodeStore implements Disposable {
  readonly #db: Database
  readonly statements: StatementStore
  readonly measurements: SqliteMeasurementStore
  readonly spotChecks: SpotCheckStore
  readonly keys: KeyStore
  readonly spend: SpendStore
  readonly privacy: PrivacyStore
  readonly ends: AuthorizationEnds
  readonly deletions: DeletionStore
  readonly notes: NoteStore
  readonly payers: PayerStore
  /** Ends that the disk did not take yet. */
  readonly #ends = new Map<string, SessionEnding>()
  /** Records of which many sessions cite the same: offers, attestations, authorizations. */
  readonly #kept = new Set<string>()
  readonly #spent = new SpentSums()
  readonly #sessionEnds = new SessionEnds()

  /** @param options.readOnly to look at the store of a daemon that runs; what changes it throws then */
  constructor(path: string, options: { readonly readOnly?: boolean } = {}) {
    this.#db = new Database(path, migrate, {
      ...options,
      onLost: () => {
        this.#kept.clear()
        this.#spent.clear()
        this.#sessionEnds.clear()
      },
    })
    this.statements = new StatementStore(this.#db)
    this.measurements = new SqliteMeasurementStore(this.#db)
    this.spotChecks = new SpotCheckStore(this.#db)
    this.keys = new KeyStore(this.#db)
    this.spend = new SpendStore(this.#db)
    this.privacy = new PrivacyStore(this.#db)
    this.ends = new AuthorizationEnds(this.#db)
    this.deletions = new DeletionStore(this.#db, () => {
      this.#kept.clear()
      this.#spent.clear()
      this.#sessionEnds.clear()
    })
    this.notes = new NoteStore(this.#db)
    this.payers = new PayerStore(this.#db)
  }

  [Symbol.dispose](): void {
    this.#db[Symbol.dispose]()
  }

  /**
   * What was written so far is in the file, and survives a crash. Writes of one turn of the event loop are committed
   * together at its end, in their order; to be called in the same turn as the write.
   *
   * @throws why some of it is not: nothing may rest on it
   */
  async committed(): Promise<void> {
    await this.#db.committed()
  }

  /** Keeps a signed record under its CID; keeping it again changes nothing. */
  putRecord(record: SignedRecord): string {
    return this.#db.write(() => this.#put(cidOf(record.bytes).toString(), record))
  }

  #put(cid: string, record: SignedRecord): string {
    this.#db
      .prepare('insert into record (cid, signed) values (?, ?) on conflict do nothing')
      .run(cid, pack(record))
    return cid
  }

  #putShared(record: SignedRecord): string {
    const cid = cidOf(record.bytes).toString()
    if (this.#kept.has(cid)) return cid
    this.#put(cid, record)
    this.#remember(cid)
    return cid
  }

  #remember(cid: string): void {
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear()
    this.#kept.add(cid)
  }

  /** Keeps an order and the quote that answered it: the next order rests on them. */
  putRound({ order: asked, quote: answered }: Round): void {
    this.#db.write(() => {
      this.putRecord(asked)
      this.putRecord(answered)
    })
  }

  record(cid: string): SignedRecord | undefined {
    const row = this.#db.prepare('select signed from record where cid = ?').get(cid)
    return row === undefined ? undefined : unpack(row.signed)
  }

  /** @returns false when the order was seen before: a replay. Written before it is `committed`. */
  beginSession(
    role: SessionRole,
    order: Named<Order> & SignedRecord,
    authorization: SignedRecord | null,
    now: number,
  ): boolean {
    const session = order.cid.toString()
    return this.#db.write(() => {
      this.#put(session, order)
      const authorizationCid = authorization === null ? null : this.#putShared(authorization)
      const { consumer, provider, model, offer } = order.value
      const peer = role === 'provider' ? consumer : provider
      const { changes } = this.#db
        .prepare(
          `insert into session (session, role, peer, model, offer, authorization, started_at)
           values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
        )
        .run(session, role, peer, model, offer.toString(), authorizationCid, now)
      if (changes === 0) return false
      if (role === 'consumer' && authorizationCid !== null) this.notes.begin(session)
      this.#spent.begin(session, authorizationCid)
      this.#sessionEnds.begin(session, role, peer)
      return true
    })
  }

  /** Written before it is `committed`. */
  setAcceptance(session: string, accepted: Named<Acceptance> & SignedRecord): void {
    this.#db.write(() => {
      const cid = this.#put(accepted.cid.toString(), accepted)
      this.#db.prepare('update session set acceptance = ? where session = ?').run(cid, session)
    })
  }

  /**
   * Keeps a doubly-signed receipt, and remembers to tell settlement once the session has ended. Receipts that come at
   * about the same time share the way to the disk.
   *
   * @param tellAt not before: a Statement may come that says it for many sessions at once
   * @returns resolves when it survives a power cut, and all that was written before it
   */
  async saveReceipt(
    session: string,
    signed: Named<Receipt> & SignedRecord,
    tellAt = 0,
  ): Promise<void> {
    const { sequence, amount, inputTokens, outputTokens, final } = signed.value
    this.#db.write(() => {
      this.#db
        .prepare(
          `insert into receipt (session, sequence, amount, signed, input_tokens, output_tokens)
           values (?, ?, ?, ?, ?, ?)`,
        )
        .run(session, sequence, amount, pack(signed), inputTokens, outputTokens)
      if (amount === 0n && !this.#isFailure(session, final)) return
      this.#db
        .prepare(
          `insert into outbox (session, sequence, next_at) values (?, ?, ?)
           on conflict (session) do update set sequence = excluded.sequence, next_at = excluded.next_at`,
        )
        .run(session, sequence, tellAt)
    })
    this.#spent.add(session, amount)
    this.#sessionEnds.receipt(session, signed)
    await this.#db.synced()
  }

  /** Nothing is to be paid for it, but settlement counts what a provider that is paid has failed. */
  #isFailure(session: string, final: FinalReason | null): boolean {
    if (final !== 'engine-failed' && final !== 'draining') return false
    const paid = this.#db
      .prepare('select 1 from session where session = ? and authorization is not null')
      .get(session)
    return paid !== undefined
  }

  /** On a full disk the end is kept in memory until there is space: a session that is over cannot be held open. */
  endSession(session: string, reason: FinalReason, now: number, timing?: SessionTiming): void {
    this.#spent.end(session)
    this.#sessionEnds.end(session, now)
    const ending = { reason, now, timing }
    this.#ends.set(session, ending)
    this.#writeEnd(session, ending)
  }

  #writeEnds(): void {
    for (const [session, ending] of this.#ends) this.#writeEnd(session, ending)
  }

  #writeEnd(session: string, { reason, now, timing }: SessionEnding): void {
    try {
      this.#db.write(() => {
        this.#db
          .prepare(
            'update session set ended_at = ?, reason = ? where session = ? and ended_at is null',
          )
          .run(now, reason, session)
        this.notes.end(session, timing)
      })
    } catch (error) {
      if (!isDiskFault(error)) throw error
      return
    }
    this.#db.committed().then(
      () => this.#ends.delete(session),
      () => {},
    )
  }

  /** Ends what a crash left open, so that its last receipts get settled. @returns how many */
  endAbandoned(now: number): number {
    const { changes } = this.#db
      .prepare("update session set ended_at = ?, reason = 'crashed' where ended_at is null")
      .run(now)
    return Number(changes)
  }

  /** What the sessions under an authorization came to by their last receipts, pico-euro. */
  spentUnder(authorization: string): PicoEuro {
    return this.#spent.under(authorization, () => {
      const rows = this.#db.bigints(
        `select r.session, max(r.amount) as amount from receipt r join session s using (session)
           where s.authorization = ? group by r.session`,
        authorization,
      )
      return rows.map(({ session, amount }) => [String(session), amount as bigint])
    })
  }

  /** Keeps an authorization that this consumer may spend. */
  putAuthorization(signed: Named<SpendAuthorization> & SignedRecord): void {
    this.#db.durably(() => {
      const cid = this.putRecord(signed)
      this.#db
        .prepare(
          'insert into held_authorization (authorization, provider, not_after) values (?, ?, ?) on conflict do nothing',
        )
        .run(cid, signed.value.provider, signed.value.notAfter)
    })
  }

  /** Authorizations for a provider that end after `notBefore`, newest first. */
  authorizations(provider: string, notBefore: number): SignedRecord[] {
    return this.#db
      .prepare(
        `select r.signed from held_authorization h join record r on r.cid = h.authorization
         where h.provider = ? and h.not_after > ? order by h.not_after desc`,
      )
      .all(provider, notBefore)
      .map((row) => unpack(row.signed))
  }

  hasSession(session: string): boolean {
    return this.#db.prepare('select 1 from session where session = ?').get(session) !== undefined
  }

  /** What a log of ended sessions tells of one; `undefined` when it is unknown or has no receipt. */
  sessionEnd(session: string): SessionEnd | undefined {
    const known = this.#sessionEnds.of(session)
    if (known !== undefined) return known
    const row = this.#db
      .prepare(
        `select s.role, s.peer, s.ended_at, r.signed from session s join receipt r using (session)
         where s.session = ? order by r.sequence desc limit 1`,
      )
      .get(session)
    if (row === undefined) return undefined
    return {
      role: row.role as SessionRole,
      peer: String(row.peer),
      endedAt: row.ended_at === null ? undefined : Number(row.ended_at),
      last: unpack(row.signed),
    }
  }

  session(session: string): SessionRow | undefined {
    return this.#sessionRows('where s.session = ?', session)[0]
  }

  /** Newest first. */
  sessions({ limit = 50 }: { limit?: number } = {}): SessionRow[] {
    return this.#sessionRows('order by s.started_at desc, s.rowid desc limit ?', limit)
  }

  #sessionRows(which: string, parameter: SQLInputValue): SessionRow[] {
    const rows = this.#db.bigints(
      `select s.*, coalesce((select max(amount) from receipt r where r.session = s.session), 0) as amount,
                (select count(*) from receipt r where r.session = s.session) as receipts
         from session s ${which}`,
      parameter,
    )
    return rows.map((row) => ({
      session: String(row.session),
      role: row.role as SessionRole,
      peer: String(row.peer),
      model: String(row.model),
      startedAt: Number(row.started_at),
      endedAt: row.ended_at === null ? undefined : Number(row.ended_at),
      reason: row.reason === null ? undefined : String(row.reason),
      amount: picoEuro(row.amount as bigint),
      receipts: Number(row.receipts),
    }))
  }

  receipts(session: string): SignedRecord[] {
    return this.#db
      .prepare('select signed from receipt where session = ? order by sequence')
      .all(session)
      .map((row) => unpack(row.signed))
  }

  /** Keeps what opens a session's commitments. */
  putOpening(session: string, { secret, request }: Opening): void {
    this.#db.writeOne(() =>
      this.#db
        .prepare(
          'insert into opening (session, secret, request) values (?, ?, ?) on conflict do nothing',
        )
        .run(session, secret, request ?? null),
    )
  }

  opening(session: string): Opening | undefined {
    const row = this.#db
      .prepare('select secret, request from opening where session = ?')
      .get(session)
    if (row === undefined) return undefined
    return {
      secret: row.secret as Uint8Array,
      request: row.request === null ? undefined : (row.request as Uint8Array),
    }
  }

  /** After this nobody can tell what was asked or answered. @returns false when there was none */
  forgetOpening(session: string): boolean {
    return this.#db.transaction(
      () => this.#db.prepare('delete from opening where session = ?').run(session).changes === 1,
    )
  }

  /** Everything a bundle is made of; `undefined` when the session is unknown or has no receipt yet. */
  evidence(session: string, network: string): SessionEvidence | undefined {
    const row = this.#db.prepare('select * from session where session = ?').get(session)
    if (row === undefined || row.acceptance === null) return undefined
    const receipts = this.receipts(session)
    if (receipts.length === 0) return undefined
    const ordered = this.#required(session)
    return {
      network,
      offer: this.#required(row.offer),
      attestations: this.attestationsOf(String(row.offer)),
      authorization: row.authorization === null ? null : this.#required(row.authorization),
      rounds: this.#roundsBefore(ordered),
      order: ordered,
      acceptance: this.#required(row.acceptance),
      receipts,
    }
  }

  /** What proves that settlement has logged a session, if it was asked for before. */
  settlementProof(session: string): SessionEvidence['settlement'] {
    const row = this.#db
      .prepare('select key, proof from settlement_proof where session = ?')
      .get(session)
    if (row === undefined) return undefined
    return { key: unpack(row.key), proof: row.proof as Uint8Array }
  }

  putSettlementProof(
    session: string,
    { key, proof }: NonNullable<SessionEvidence['settlement']>,
  ): void {
    this.#db
      .prepare(
        `insert into settlement_proof (session, key, proof) values (?, ?, ?)
         on conflict (session) do update set key = excluded.key, proof = excluded.proof`,
      )
      .run(session, pack(key), proof)
  }

  /** What was asked and quoted before an order, oldest first. */
  #roundsBefore(ordered: SignedRecord): SessionEvidence['rounds'] {
    const cited = order.decode(ordered.bytes).quote
    if (cited === null) return []
    const answered = this.#required(cited.toString())
    const asked = this.#required(quote.decode(answered.bytes).order.toString())
    return [...this.#roundsBefore(asked), { order: asked, quote: answered }]
  }

  /** Remembers which attestations came with an offer. */
  putOffer(offer: Named<Offer> & SignedRecord, attestations: readonly SignedRecord[]): string {
    const cid = offer.cid.toString()
    if (this.#kept.has(cid)) return cid
    this.#db.write(() => {
      this.#put(cid, offer)
      for (const attestation of attestations) {
        this.#db
          .prepare(
            'insert into offer_attestation (offer, attestation) values (?, ?) on conflict do nothing',
          )
          .run(cid, this.#putShared(attestation))
      }
    })
    this.#remember(cid)
    return cid
  }

  attestationsOf(offer: string): SignedRecord[] {
    return this.#db
      .prepare(
        'select r.signed from offer_attestation a join record r on r.cid = a.attestation where a.offer = ?',
      )
      .all(offer)
      .map((row) => unpack(row.signed))
  }

  /** The first that came with an offer and is about its provider: settlement takes no other. */
  #attestationFor(offer: string, session: string): SignedRecord | null {
    const { provider } = order.decode(this.#required(session).bytes)
    const about = this.attestationsOf(offer).find(
      ({ bytes }) => regionAttestation.decode(bytes).subject === provider,
    )
    return about ?? null
  }

  /** Ended sessions that settlement has not acknowledged and whose next try is due. */
  dueSubmissions(now: number, limit: number): Submission[] {
    this.#writeEnds()
    const rows = this.#db.bigints(
      `select o.session, o.sequence, s.offer, s.acceptance, s.authorization, r.signed
         from outbox o join session s using (session) join receipt r on r.session = o.session and r.sequence = o.sequence
         where s.ended_at is not null and o.refused is null and o.statement is null and o.next_at <= ?
         order by o.next_at limit ?`,
      now,
      limit,
    )
    return rows.map((row) => ({
      session: String(row.session),
      sequence: row.sequence as bigint,
      order: this.#required(row.session),
      acceptance: this.#required(row.acceptance),
      authorization: row.authorization === null ? null : this.#required(row.authorization),
      attestation: this.#attestationFor(String(row.offer), String(row.session)),
      receipt: unpack(row.signed),
    }))
  }

  /** Settlement has booked it, or knows better: nothing more to send. */
  submissionDone(session: string, sequence: bigint): void {
    this.#db.prepare('delete from outbox where session = ? and sequence = ?').run(session, sequence)
  }

  /** Settlement refused it for good: kept, with the code, for its owner to see. */
  submissionRefused(session: string, sequence: bigint, code: string): void {
    this.#db
      .prepare('update outbox set refused = ? where session = ? and sequence = ?')
      .run(code, session, sequence)
  }

  /** Tries again later: after 1 s, 2 s, 4 s … 60 s. */
  submissionFailed(session: string, now: number): void {
    this.#db
      .prepare(
        `update outbox set attempts = attempts + 1, next_at = ? + min(?, 1000 << min(attempts, 6))
         where session = ?`,
      )
      .run(now, ATTEMPT_MS_MAX, session)
  }

  /** Sessions that settlement has not acknowledged, refused ones among them. */
  outbox(): { session: string; attempts: number; refused: string | undefined }[] {
    return this.#db
      .prepare('select session, attempts, refused from outbox order by session')
      .all()
      .map((row) => ({
        session: String(row.session),
        attempts: Number(row.attempts),
        refused: row.refused === null ? undefined : String(row.refused),
      }))
  }

  #required(cid: unknown): SignedRecord {
    const record = this.record(String(cid))
    if (record === undefined) throw new Error(`record ${String(cid)} is not stored`)
    return record
  }
}
