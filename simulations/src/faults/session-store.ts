import type {
  Acceptance,
  FinalReason,
  Named,
  Order,
  PicoEuro,
  Receipt,
  SignedRecord,
  SpendAuthorization,
} from '@hanse/protocol'
import { picoEuro } from '@hanse/protocol'
import type { Submission } from '@hanse/settlement/rules'
import { Disk, type Random } from '../kernel/index.ts'
import { StatementBook, type StoredStatement } from './statement-book.ts'

export type SignedReceipt = Named<Receipt> & SignedRecord
export type SignedOrder = Named<Order> & SignedRecord
export type SignedAcceptance = Named<Acceptance> & SignedRecord
export type SignedAuthorization = Named<SpendAuthorization> & SignedRecord

export interface StoredSession {
  readonly order: SignedOrder
  readonly authorization: SignedRecord | null
  readonly attestation: SignedRecord | null
  acceptance: SignedAcceptance | undefined
  ended: FinalReason | 'crashed' | undefined
  readonly receipts: SignedReceipt[]
  /** CID of the Statement that tells of it. */
  statement: string | undefined
}

interface Waiting {
  readonly sequence: bigint
  attempts: number
  nextAt: number
  refused: string | undefined
  /** CID of the Statement by which settlement is told instead. */
  statement: string | undefined
}

export interface NodeState {
  /** By CID. */
  readonly statements: Map<string, StoredStatement>
  readonly sessions: Map<string, StoredSession>
  readonly outbox: Map<string, Waiting>
  readonly authorizations: SignedAuthorization[]
}

export interface DueSubmission extends Submission {
  readonly order: SignedOrder
  readonly session: string
  readonly sequence: bigint
}

const SYNC = { sync: true }
const LAZY = { sync: false }
const ATTEMPT_MS_MAX = 60_000
/** How long the end of a session waits for a Statement. */
const STATEMENT_WAIT_MS = 30_000
const FRESH = { attempts: 0, refused: undefined, statement: undefined }

/**
 * What a node remembers, with the same order of writes as node's SQLite file: receipts and authorizations are on the
 * disk when the call returns; all else is carried along by the next of them.
 */
export class SessionStore {
  readonly #disk = new Disk<NodeState>(() => ({
    sessions: new Map(),
    outbox: new Map(),
    authorizations: [],
    statements: new Map(),
  }))
  readonly statements: StatementBook = new StatementBook(this.#disk)

  powerCut(random: Random): number {
    return this.#disk.powerCut(random)
  }

  hasSession(session: string): boolean {
    return this.#disk.state.sessions.has(session)
  }

  /** @returns false when the order was seen before */
  beginSession(
    order: SignedOrder,
    authorization: SignedRecord | null,
    attestation: SignedRecord | null,
  ): boolean {
    const session = order.cid.toString()
    if (this.hasSession(session)) return false
    this.#disk.write(({ sessions }) => {
      sessions.set(session, {
        order,
        authorization,
        attestation,
        acceptance: undefined,
        ended: undefined,
        receipts: [],
        statement: undefined,
      })
    }, LAZY)
    return true
  }

  setAcceptance(session: string, acceptance: SignedAcceptance): void {
    this.#disk.write(({ sessions }) => {
      stored(sessions, session).acceptance = acceptance
    }, LAZY)
  }

  /** @param now the node's clock: whole sessions wait for a Statement before settlement is told of their receipts */
  saveReceipt(session: string, receipt: SignedReceipt, now: number): void {
    this.#disk.write(({ sessions, outbox }) => {
      stored(sessions, session).receipts.push(receipt)
      const { sequence, amount, final } = receipt.value
      const tellAt = final === null ? 0 : now + STATEMENT_WAIT_MS
      if (amount > 0n) outbox.set(session, { ...FRESH, sequence, nextAt: tellAt })
    }, SYNC)
  }

  endSession(session: string, reason: FinalReason): void {
    this.#disk.write(({ sessions }) => {
      const row = sessions.get(session)
      if (row !== undefined) row.ended ??= reason
    }, LAZY)
  }

  endAbandoned(): void {
    this.#disk.write(({ sessions }) => {
      for (const row of sessions.values()) row.ended ??= 'crashed'
    }, LAZY)
  }

  /** What the sessions under an authorization came to by their last receipts. */
  spentUnder(authorization: string): PicoEuro {
    let spent = 0n
    for (const { order, receipts } of this.#disk.state.sessions.values()) {
      if (order.value.authorization?.toString() !== authorization) continue
      spent += receipts.at(-1)?.value.amount ?? 0n
    }
    return picoEuro(spent)
  }

  putAuthorization(authorization: SignedAuthorization): void {
    this.#disk.write(({ authorizations }) => {
      authorizations.push(authorization)
    }, SYNC)
  }

  /** The newest authorization for a provider that ends after `notBefore`. */
  authorizationFor(provider: string, notBefore: number): SignedAuthorization | undefined {
    return this.#disk.state.authorizations
      .filter(({ value }) => value.provider === provider && value.notAfter > notBefore)
      .toSorted((a, b) => b.value.notAfter - a.value.notAfter)[0]
  }

  lastReceipts(): { readonly session: string; readonly receipt: SignedReceipt }[] {
    return [...this.#disk.state.sessions].flatMap(([session, { receipts }]) => {
      const receipt = receipts.at(-1)
      return receipt === undefined ? [] : [{ session, receipt }]
    })
  }

  dueSubmissions(now: number, limit: number): DueSubmission[] {
    const due: DueSubmission[] = []
    for (const [session, { sequence, nextAt, refused, statement }] of this.#disk.state.outbox) {
      const row = stored(this.#disk.state.sessions, session)
      if (row.ended === undefined || refused !== undefined || nextAt > now) continue
      if (statement !== undefined) continue
      const receipt = row.receipts.find(({ value }) => value.sequence === sequence)
      if (row.acceptance === undefined || receipt === undefined)
        throw new Error(`${session}: a receipt without what it rests on`)
      const { order, acceptance, authorization, attestation } = row
      due.push({ session, sequence, order, acceptance, authorization, attestation, receipt })
      if (due.length === limit) break
    }
    return due
  }

  /** When the next submission is due; `undefined` when none waits. */
  nextAttempt(): number | undefined {
    const times = [...this.#disk.state.outbox]
      .filter(
        ([session, { refused, statement }]) =>
          refused === undefined && statement === undefined && this.#hasEnded(session),
      )
      .map(([, { nextAt }]) => nextAt)
    const stated = this.statements.nextAttempt()
    if (stated !== undefined) times.push(stated)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  submissionDone(session: string, sequence: bigint): void {
    this.#disk.write(({ outbox }) => {
      if (outbox.get(session)?.sequence === sequence) outbox.delete(session)
    }, LAZY)
  }

  submissionRefused(session: string, sequence: bigint, code: string): void {
    this.#disk.write(({ outbox }) => {
      const waiting = outbox.get(session)
      if (waiting?.sequence === sequence) waiting.refused = code
    }, LAZY)
  }

  submissionFailed(session: string, now: number): void {
    this.#disk.write(({ outbox }) => {
      const waiting = outbox.get(session)
      if (waiting === undefined) return
      waiting.nextAt = now + Math.min(ATTEMPT_MS_MAX, 1000 << Math.min(waiting.attempts, 6))
      waiting.attempts++
    }, LAZY)
  }

  #hasEnded(session: string): boolean {
    return this.#disk.state.sessions.get(session)?.ended !== undefined
  }
}

function stored(sessions: Map<string, StoredSession>, session: string): StoredSession {
  const row = sessions.get(session)
  if (row === undefined) throw new Error(`no session ${session}`)
  return row
}
