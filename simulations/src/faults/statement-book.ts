import type {
  Named,
  Order,
  Proposal,
  SignedRecord,
  StatedSession,
  Statement,
  StatementLine,
} from '@hanse/protocol'
import { encodeLine, lineOfSession } from '@hanse/protocol'
import type { StatementSubmission } from '@hanse/settlement/rules'
import type { Disk } from '../kernel/index.ts'
import type { NodeState } from './session-store.ts'

export type SignedStatement = Named<Statement> & SignedRecord

export interface StoredStatement {
  signed: SignedStatement
  readonly lines: readonly StatementLine[]
  state: 'proposed' | 'signed' | 'acknowledged' | 'abandoned'
  attempts: number
  nextAt: number
  refused: string | undefined
}

export interface UnstatedSession {
  readonly order: Named<Order>
  readonly line: StatementLine
}

export interface DueStatement extends StatementSubmission {
  readonly cid: string
}

const SYNC = { sync: true }
const LAZY = { sync: false }
const ATTEMPT_MS_MAX = 60_000

/** A node's Statements, on either side of them, with the same order of writes as node's. */
export class StatementBook {
  readonly #disk: Disk<NodeState>

  constructor(disk: Disk<NodeState>) {
    this.#disk = disk
  }

  /** Whole sessions under authorizations that no Statement tells of, and no receipt has been sent for. */
  unstated(): UnstatedSession[] {
    const { sessions, outbox } = this.#disk.state
    return [...outbox].flatMap(([session, waiting]) => {
      const { statement, refused, attempts, nextAt } = waiting
      const row = sessions.get(session)
      const last = row?.receipts.at(-1)
      const idle = statement === undefined && refused === undefined && attempts === 0 && nextAt > 0
      if (!idle || row?.ended === undefined || row.acceptance === undefined) return []
      if (row.order.value.authorization === null || last === undefined) return []
      const line = lineOfSession(row.order, row.acceptance.value, last)
      if (line === undefined) return []
      return [{ order: row.order, line }]
    })
  }

  /** A number that no lane of this authorization has had. */
  nextLane(authorization: string): number {
    const lanes = this.#of(authorization).map(({ signed }) => signed.value.lane)
    return Math.max(-1, ...lanes) + 1
  }

  propose({ statement, lines }: Proposal): void {
    this.#insert(statement, lines, 'proposed', 0)
  }

  sign(signed: SignedStatement, lines: readonly StatementLine[], tellAt: number): void {
    this.#insert(signed, lines, 'signed', tellAt)
  }

  abandon(cid: string): void {
    this.#disk.write((state) => {
      const row = state.statements.get(cid)
      if (row !== undefined) row.state = 'abandoned'
      release(state, cid)
    }, LAZY)
  }

  /** A crash left these without an answer. */
  abandonProposed(): void {
    for (const [cid, { state }] of this.#disk.state.statements)
      if (state === 'proposed') this.abandon(cid)
  }

  /** The newest of a lane. */
  last(authorization: string, lane: number): Named<Statement> | undefined {
    return this.#of(authorization)
      .map(({ signed }) => signed)
      .filter(({ value }) => value.lane === lane)
      .toSorted((a, b) => Number(b.value.sequence - a.value.sequence))[0]
  }

  stated(session: string): StatedSession | undefined {
    const row = this.#disk.state.sessions.get(session)
    const last = row?.receipts.at(-1)
    if (row?.acceptance === undefined || last === undefined) return undefined
    const stated = this.#disk.state.statements.get(row.statement ?? '')?.signed.cid ?? null
    return { order: row.order.value, acceptedAt: row.acceptance.value.at, last, stated }
  }

  due(now: number, limit: number): DueStatement[] {
    return [...this.#disk.state.statements]
      .filter(([, row]) => row.state === 'signed' && row.refused === undefined && row.nextAt <= now)
      .toSorted(([, a], [, b]) => Number(a.signed.value.sequence - b.signed.value.sequence))
      .slice(0, limit)
      .map(([cid, { signed, lines }]) => ({ cid, statement: signed, lines: lines.map(encodeLine) }))
  }

  /** When the next one is due; `undefined` when none waits. */
  nextAttempt(): number | undefined {
    const times = [...this.#disk.state.statements.values()]
      .filter(({ state, refused }) => state === 'signed' && refused === undefined)
      .map(({ nextAt }) => nextAt)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  acknowledged(cid: string): void {
    this.#disk.write(({ statements, outbox }) => {
      const row = statements.get(cid)
      if (row !== undefined) row.state = 'acknowledged'
      for (const [session, { statement }] of outbox) if (statement === cid) outbox.delete(session)
    }, LAZY)
  }

  refused(cid: string, code: string): void {
    this.#disk.write((state) => {
      const row = state.statements.get(cid)
      if (row !== undefined) row.refused = code
      release(state, cid)
    }, LAZY)
  }

  failed(cid: string, now: number): void {
    this.#disk.write(({ statements }) => {
      const row = statements.get(cid)
      if (row === undefined) return
      row.nextAt = now + Math.min(ATTEMPT_MS_MAX, 1000 << Math.min(row.attempts, 6))
      row.attempts++
    }, LAZY)
  }

  #of(authorization: string): StoredStatement[] {
    return [...this.#disk.state.statements.values()].filter(
      ({ signed }) => signed.value.authorization.toString() === authorization,
    )
  }

  #insert(
    signed: SignedStatement,
    lines: readonly StatementLine[],
    state: 'proposed' | 'signed',
    nextAt: number,
  ): void {
    const cid = signed.cid.toString()
    this.#disk.write(({ statements, sessions, outbox }) => {
      const row = { signed, lines, state, attempts: 0, nextAt, refused: undefined }
      statements.set(cid, { ...(statements.get(cid) ?? row), signed, state, nextAt })
      for (const { order } of lines) {
        const session = sessions.get(order.toString())
        if (session !== undefined) session.statement = cid
        const waiting = outbox.get(order.toString())
        if (waiting !== undefined) waiting.statement = cid
      }
    }, SYNC)
  }
}

/** Its sessions are told of by their receipts. */
function release({ sessions, outbox }: NodeState, cid: string): void {
  for (const session of sessions.values())
    if (session.statement === cid) session.statement = undefined
  for (const waiting of outbox.values()) {
    if (waiting.statement !== cid) continue
    waiting.statement = undefined
    waiting.nextAt = 0
  }
}
