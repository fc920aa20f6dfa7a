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

export type SignedReceipt = Named<Receipt> & SignedRecord
export type SignedOrder = Named<Order> & SignedRecord
export type SignedAcceptance = Named<Acceptance> & SignedRecord
export type SignedAuthorization = Named<SpendAuthorization> & SignedRecord

interface StoredSession {
  readonly order: SignedOrder
  readonly authorization: SignedRecord | null
  readonly attestation: SignedRecord | null
  acceptance: SignedAcceptance | undefined
  ended: FinalReason | 'crashed' | undefined
  readonly receipts: SignedReceipt[]
}

interface Waiting {
  readonly sequence: bigint
  attempts: number
  nextAt: number
  refused: string | undefined
}

interface NodeState {
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

/**
 * What a node remembers, with the same order of writes as node's SQLite file: receipts and authorizations are on the
 * disk when the call returns; all else is carried along by the next of them.
 */
export class SessionStore {
  readonly #disk = new Disk<NodeState>(() => ({
    sessions: new Map(),
    outbox: new Map(),
    authorizations: [],
  }))

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
      })
    }, LAZY)
    return true
  }

  setAcceptance(session: string, acceptance: SignedAcceptance): void {
    this.#disk.write(({ sessions }) => {
      stored(sessions, session).acceptance = acceptance
    }, LAZY)
  }

  saveReceipt(session: string, receipt: SignedReceipt): void {
    this.#disk.write(({ sessions, outbox }) => {
      stored(sessions, session).receipts.push(receipt)
      const { sequence, amount } = receipt.value
      if (amount > 0n) outbox.set(session, { sequence, attempts: 0, nextAt: 0, refused: undefined })
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
    for (const [session, { sequence, nextAt, refused }] of this.#disk.state.outbox) {
      const row = stored(this.#disk.state.sessions, session)
      if (row.ended === undefined || refused !== undefined || nextAt > now) continue
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
      .filter(([session, { refused }]) => refused === undefined && this.#hasEnded(session))
      .map(([, { nextAt }]) => nextAt)
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
