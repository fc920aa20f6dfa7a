import {
  type Acceptance,
  acceptance,
  cidOf,
  decodeCanonical,
  decodeLine,
  encodeCanonical,
  encodeLine,
  type LaneTerms,
  lineOfSession,
  type Named,
  type Order,
  order,
  type PeerId,
  type Proposal,
  type Receipt,
  receipt,
  type SignedRecord,
  type StatedSession,
  type Statement,
  type StatementLine,
  statement,
} from '@hanse/protocol'
import type { CID } from 'multiformats/cid'
import { type Database, pack, unpack } from './database.ts'
import type { SessionRole } from './node-store.ts'

/** A session that has ended with a final receipt and that no Statement tells of yet. */
export interface UnstatedSession {
  readonly consumer: PeerId
  readonly order: Named<Order>
  readonly line: StatementLine
}

/** A Statement that both sides signed, for settlement. */
export interface StatementSubmission {
  readonly cid: string
  readonly statement: SignedRecord
  /** Encoded, in their order. */
  readonly lines: readonly Uint8Array[]
}

/** A frame's worth. */
const LINES_BYTES_MAX = 1 << 20
const ATTEMPT_MS_MAX = 60_000

/** The node's Statements, on either side of them, and which sessions they tell of. */
export class StatementStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** What this node has sold under authorizations, oldest first. */
  unstated(limit: number): UnstatedSession[] {
    return this.#db
      .bigints(
        `select s.session, a.signed as acceptance, o.signed as ordered, r.signed as receipt
         from outbox b join session s using (session)
           join record o on o.cid = s.session join record a on a.cid = s.acceptance
           join receipt r on r.session = b.session and r.sequence = b.sequence
         where s.role = 'provider' and s.authorization is not null and s.ended_at is not null
           and b.statement is null and b.refused is null and b.attempts = 0 and b.next_at > 0
         order by s.ended_at limit ?`,
        limit,
      )
      .map(({ ordered, acceptance: accepted, receipt: last }) =>
        toUnstated(
          openStored(order, ordered),
          openStored(acceptance, accepted),
          openStored(receipt, last),
        ),
      )
      .filter((session) => session !== undefined)
  }

  /** A number that no lane of this authorization has had. */
  nextLane(authorization: CID): number {
    const row = this.#db
      .prepare('select max(lane) as lane from statement where authorization = ?')
      .get(authorization.toString())
    return typeof row?.lane === 'number' ? row.lane + 1 : 0
  }

  /** Keeps what the provider is about to propose: its sessions wait for it. */
  propose({ statement: proposed, lines }: Proposal): void {
    this.#db.durably(() => {
      this.#insert('provider', proposed, lines, 'proposed', 0)
      this.#claim(proposed.cid, lines)
    })
  }

  /** Keeps a Statement that both sides signed; settlement is told of it from `tellAt` on. */
  sign(
    role: SessionRole,
    signed: Named<Statement> & SignedRecord,
    lines: readonly StatementLine[],
    tellAt: number,
  ): void {
    this.#db.durably(() => {
      this.#insert(role, signed, lines, 'signed', tellAt)
      this.#claim(signed.cid, lines)
    })
  }

  /** The other side did not sign: its sessions are told of by their receipts. */
  abandon(cid: string): void {
    this.#db.transaction(() => {
      this.#db.prepare("update statement set state = 'abandoned' where cid = ?").run(cid)
      this.#release(cid)
    })
  }

  /** A crash left these without an answer. @returns how many */
  abandonProposed(): number {
    const open = this.#db.prepare("select cid from statement where state = 'proposed'").all()
    for (const { cid } of open) this.abandon(String(cid))
    return open.length
  }

  /** Lets every session that waits for a Statement be told of by its receipt: the node is stopping. */
  releaseWaiting(): void {
    this.#db.prepare('update outbox set next_at = 0 where statement is null and attempts = 0').run()
    this.#db
      .prepare("update statement set next_at = 0 where state = 'signed' and attempts = 0")
      .run()
  }

  last({
    authorization,
    lane,
  }: Pick<LaneTerms, 'authorization' | 'lane'>): Named<Statement> | undefined {
    const row = this.#db
      .prepare(
        `select signed from statement
         where authorization = ? and lane = ? and role = 'consumer' order by sequence desc limit 1`,
      )
      .get(authorization.toString(), lane)
    return row === undefined ? undefined : openStored(statement, row.signed)
  }

  /** A session as its consumer remembers it. */
  stated(session: CID): StatedSession | undefined {
    const [row] = this.#db.bigints(
      `select o.signed as ordered, a.signed as acceptance, r.signed as receipt, st.signed as stated
       from session s join record o on o.cid = s.session join record a on a.cid = s.acceptance
         join receipt r on r.session = s.session left join statement st on st.cid = s.statement
       where s.session = ? and s.role = 'consumer' order by r.sequence desc limit 1`,
      session.toString(),
    )
    if (row === undefined) return undefined
    return {
      order: openStored(order, row.ordered).value,
      acceptedAt: openStored(acceptance, row.acceptance).value.at,
      last: openStored(receipt, row.receipt),
      stated: row.stated === null ? null : cidOf(unpack(row.stated).bytes),
    }
  }

  due(now: number, limit: number): StatementSubmission[] {
    return this.#db
      .prepare(
        `select cid, signed, lines from statement
         where state = 'signed' and refused is null and next_at <= ?
         order by authorization, lane, sequence limit ?`,
      )
      .all(now, limit)
      .map((row) => ({
        cid: String(row.cid),
        statement: unpack(row.signed),
        lines: decodeCanonical(row.lines as Uint8Array, LINES_BYTES_MAX) as Uint8Array[],
      }))
  }

  /** Settlement has booked its sessions, but for these. */
  acknowledged(cid: string, rejected: readonly string[] = []): void {
    this.#db.transaction(() => {
      this.#db.prepare("update statement set state = 'acknowledged' where cid = ?").run(cid)
      const back = this.#db.prepare(
        'update outbox set statement = null, next_at = 0 where session = ? and statement = ?',
      )
      for (const session of rejected) back.run(session, cid)
      this.#db.prepare('delete from outbox where statement = ?').run(cid)
    })
  }

  /** Settlement will not have it: its sessions are told of by their receipts. */
  refused(cid: string, code: string): void {
    this.#db.transaction(() => {
      this.#db.prepare('update statement set refused = ? where cid = ?').run(code, cid)
      this.#release(cid)
    })
  }

  /** Tries again later: after 1 s, 2 s, 4 s … 60 s. */
  failed(cid: string, now: number): void {
    this.#db
      .prepare(
        `update statement set attempts = attempts + 1, next_at = ? + min(?, 1000 << min(attempts, 6))
         where cid = ?`,
      )
      .run(now, ATTEMPT_MS_MAX, cid)
  }

  /** The Statement that tells of a session, with its lines. */
  of(session: string): { statement: SignedRecord; lines: StatementLine[] } | undefined {
    const row = this.#db
      .prepare(
        `select st.signed, st.lines from session s join statement st on st.cid = s.statement
         where s.session = ? and st.state in ('signed', 'acknowledged')`,
      )
      .get(session)
    if (row === undefined) return undefined
    const lines = decodeCanonical(row.lines as Uint8Array, LINES_BYTES_MAX) as Uint8Array[]
    return { statement: unpack(row.signed), lines: lines.map(decodeLine) }
  }

  #insert(
    role: SessionRole,
    signed: Named<Statement> & SignedRecord,
    lines: readonly StatementLine[],
    state: 'proposed' | 'signed',
    tellAt: number,
  ): void {
    const { authorization, lane, sequence } = signed.value
    this.#db
      .prepare(
        `insert into statement (cid, role, authorization, lane, sequence, signed, lines, state, next_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (cid) do update set signed = excluded.signed, state = excluded.state,
           next_at = excluded.next_at`,
      )
      .run(
        signed.cid.toString(),
        role,
        authorization.toString(),
        lane,
        sequence,
        pack(signed),
        encodeCanonical(lines.map(encodeLine)),
        state,
        tellAt,
      )
  }

  #claim(cid: CID, lines: readonly StatementLine[]): void {
    const session = this.#db.prepare('update session set statement = ? where session = ?')
    const waiting = this.#db.prepare('update outbox set statement = ? where session = ?')
    for (const { order: of } of lines) {
      session.run(cid.toString(), of.toString())
      waiting.run(cid.toString(), of.toString())
    }
  }

  #release(cid: string): void {
    this.#db.prepare('update session set statement = null where statement = ?').run(cid)
    this.#db.prepare('update outbox set statement = null, next_at = 0 where statement = ?').run(cid)
  }
}

function toUnstated(
  ordered: Named<Order>,
  accepted: Named<Acceptance>,
  last: Named<Receipt>,
): UnstatedSession | undefined {
  const line = lineOfSession(ordered, accepted.value, last)
  return line && { consumer: ordered.value.consumer, order: ordered, line }
}

function openStored<Value>(
  type: { decode(bytes: Uint8Array): Value },
  column: unknown,
): Named<Value> {
  const { bytes } = unpack(column)
  return { cid: cidOf(bytes), bytes, value: type.decode(bytes) }
}
