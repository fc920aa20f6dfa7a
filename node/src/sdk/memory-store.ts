import {
  type Acceptance,
  cidOf,
  type FinalReason,
  type Named,
  type Order,
  type PicoEuro,
  picoEuro,
  type Receipt,
  type Round,
  type SessionEvidence,
  type SignedRecord,
  type SpendAuthorization,
} from '@hanse/protocol'
import type { ConsumerStore } from '../consumer/store.ts'
import type { Opening, SessionRow } from '../store/node-store.ts'
import {
  decodeSnapshot,
  encodeSnapshot,
  type KeptAuthorization,
  type KeptSession,
  type Snapshot,
} from './snapshot.ts'

export interface MemoryStoreOptions {
  /** Ended sessions beyond this many are forgotten, the oldest first. */
  readonly sessionsMax?: number
}

/** At some 10 KiB each, of which receipts take the most, this stays within 10 MiB. */
const SESSIONS_MAX = 1_000
/** Offers between being fetched and being ordered from; a session keeps its own. */
const OFFERS_MAX = 256
/** Holds that end hours after they were made; what pays for a session is kept with it anyway. */
const AUTHORIZATIONS_MAX = 1_000
/** Quotes between being taken and being cited by the next order. */
const ROUNDS_MAX = 256

interface KeptOffer {
  readonly offer: SignedRecord
  readonly attestations: readonly SignedRecord[]
}

/**
 * What a consumer must not forget, in memory: for pages, and for programs that leave nothing behind. `export()` and
 * `import()` carry it over a reload.
 */
export class MemoryStore implements ConsumerStore {
  readonly #sessionsMax: number
  readonly #sessions = new Map<string, KeptSession>()
  readonly #openings = new Map<string, Opening>()
  readonly #authorizations = new Map<string, KeptAuthorization>()
  readonly #offers = new Map<string, KeptOffer>()
  readonly #rounds = new Map<string, Round>()

  constructor({ sessionsMax = SESSIONS_MAX }: MemoryStoreOptions = {}) {
    this.#sessionsMax = sessionsMax
  }

  putOffer(offer: SignedRecord, attestations: readonly SignedRecord[]): string {
    const cid = cidOf(offer.bytes).toString()
    this.#offers.delete(cid)
    this.#offers.set(cid, { offer, attestations })
    forgetOldest(this.#offers, OFFERS_MAX)
    return cid
  }

  /** Memory has no more to do. */
  async committed(): Promise<void> {}

  /** Keeps an order and the quote that answered it, until the next order cites it. */
  putRound(round: Round): void {
    this.#rounds.set(round.quote.cid.toString(), round)
    forgetOldest(this.#rounds, ROUNDS_MAX)
  }

  /** @returns false when the order was seen before. */
  beginSession(
    _role: 'consumer' | 'provider',
    order: Named<Order> & SignedRecord,
    authorization: SignedRecord | null,
    now: number,
  ): boolean {
    const session = order.cid.toString()
    const offer = this.#offers.get(order.value.offer.toString())
    if (this.#sessions.has(session)) return false
    if (offer === undefined) throw new Error('an order of an offer that was not put here first')
    this.#sessions.set(session, {
      ...offer,
      order,
      value: order.value,
      authorization,
      rounds: this.#roundsBefore(order.value),
      acceptance: null,
      receipts: [],
      amount: picoEuro(0n),
      startedAt: now,
      endedAt: null,
      reason: null,
    })
    this.#forgetEnded()
    this.changed(session)
    return true
  }

  setAcceptance(session: string, accepted: Named<Acceptance> & SignedRecord): void {
    const kept = this.#sessions.get(session)
    if (kept === undefined) return
    kept.acceptance = accepted
    this.changed(session)
  }

  /** Keeps what opens a session's commitments. It is in no export: who has it can prove what was said. */
  putOpening(session: string, opening: Opening): void {
    this.#openings.set(session, opening)
  }

  opening(session: string): Opening | undefined {
    return this.#openings.get(session)
  }

  async saveReceipt(session: string, signed: Named<Receipt> & SignedRecord): Promise<void> {
    const kept = this.#sessions.get(session)
    if (kept === undefined) throw new Error('a receipt of a session that is not kept here')
    kept.receipts.push(signed)
    this.#spend(kept, signed.value.amount)
    this.changed(session)
  }

  endSession(session: string, reason: FinalReason, now: number): void {
    const kept = this.#sessions.get(session)
    if (kept === undefined || kept.endedAt !== null) return
    kept.endedAt = now
    kept.reason = reason
    this.changed(session)
    this.#forgetEnded()
  }

  putAuthorization(signed: Named<SpendAuthorization> & SignedRecord): void {
    const cid = signed.cid.toString()
    if (this.#authorizations.has(cid)) return
    const { provider, notAfter } = signed.value
    this.#authorizations.set(cid, { signed, provider, notAfter, spent: picoEuro(0n) })
    forgetOldest(this.#authorizations, AUTHORIZATIONS_MAX)
  }

  /** Authorizations for a provider that end after `notBefore`, newest first. */
  authorizations(provider: string, notBefore: number): SignedRecord[] {
    return [...this.#authorizations.values()]
      .filter((held) => held.provider === provider && held.notAfter > notBefore)
      .sort((one, other) => other.notAfter - one.notAfter)
      .map(({ signed }) => signed)
  }

  /** What the sessions under an authorization came to by their last receipts, pico-euro. */
  spentUnder(authorization: string): PicoEuro {
    return this.#authorizations.get(authorization)?.spent ?? picoEuro(0n)
  }

  /** Everything a bundle is made of; `undefined` when the session is unknown or has no receipt yet. */
  evidence(session: string, network: string): SessionEvidence | undefined {
    const kept = this.#sessions.get(session)
    if (kept === undefined || kept.acceptance === null || kept.receipts.length === 0)
      return undefined
    const { offer, attestations, authorization, rounds, order, acceptance, receipts } = kept
    const facts = { offer, attestations, authorization, rounds, order, acceptance }
    return { network, ...facts, receipts: [...receipts] }
  }

  /** Doubly signed, in order of their sequence. */
  receipts(session: string): SignedRecord[] {
    return [...(this.#sessions.get(session)?.receipts ?? [])]
  }

  session(session: string): SessionRow | undefined {
    const kept = this.#sessions.get(session)
    return kept === undefined ? undefined : rowOf(session, kept)
  }

  /** Newest first. */
  sessions({ limit = 50 }: { limit?: number } = {}): SessionRow[] {
    return [...this.#sessions]
      .sort(([, one], [, other]) => other.startedAt - one.startedAt)
      .slice(0, limit)
      .map(([session, kept]) => rowOf(session, kept))
  }

  /** Forgets a session that has ended. @returns false when it is unknown, or still runs */
  forget(session: string): boolean {
    if (this.#sessions.get(session)?.endedAt === null) return false
    this.#openings.delete(session)
    if (!this.#sessions.delete(session)) return false
    this.changed(session)
    return true
  }

  /**
   * Records, receipts and authorizations as bytes to keep; prompts and answers are not in them.
   *
   * @param given CIDs of orders, of which it takes those and what paid for them; everything when left out
   */
  export(given?: readonly string[]): Uint8Array {
    const names = given ?? [...this.#sessions.keys()]
    const sessions = names.flatMap((session) => this.#sessions.get(session) ?? [])
    const paying = given === undefined ? [...this.#authorizations.values()] : this.#paying(sessions)
    return encodeSnapshot({ sessions, authorizations: paying })
  }

  /**
   * Adds what an export holds; a session that is here already keeps the longer of both chains. What was running when it was
   * exported has ended with the page that ran it.
   *
   * @throws {HanseError} HANSE_RECORD_* for bytes that are no export; nothing is added then
   */
  import(bytes: Uint8Array, now: number = Date.now()): void {
    this.add(decodeSnapshot(bytes), now)
  }

  protected add({ sessions, authorizations }: Snapshot, now: number): void {
    for (const held of authorizations) {
      const cid = cidOf(held.signed.bytes).toString()
      const spent = this.spentUnder(cid)
      this.#authorizations.set(cid, spent > held.spent ? { ...held, spent } : held)
      forgetOldest(this.#authorizations, AUTHORIZATIONS_MAX)
    }
    for (const kept of sessions) {
      const session = cidOf(kept.order.bytes).toString()
      const known = this.#sessions.get(session)
      if (known !== undefined && known.receipts.length >= kept.receipts.length) continue
      const over = kept.endedAt === null ? { endedAt: now, reason: 'crashed' } : {}
      this.#sessions.set(session, { ...kept, ...over })
      this.changed(session)
    }
    this.#forgetEnded()
  }

  /** For stores that keep what is in memory elsewhere, too: a session is another one now, or is forgotten. */
  protected changed(_session: string): void {}

  #paying(sessions: readonly KeptSession[]): readonly KeptAuthorization[] {
    const cids = sessions.flatMap(({ authorization }) =>
      authorization === null ? [] : cidOf(authorization.bytes).toString(),
    )
    return [...new Set(cids)].flatMap((cid) => this.#authorizations.get(cid) ?? [])
  }

  #spend(kept: KeptSession, amount: PicoEuro): void {
    const increase = amount - kept.amount
    kept.amount = amount
    if (kept.authorization === null) return
    const held = this.#authorizations.get(cidOf(kept.authorization.bytes).toString())
    if (held !== undefined) held.spent = picoEuro(held.spent + increase)
  }

  #roundsBefore({ quote }: Order): readonly { order: SignedRecord; quote: SignedRecord }[] {
    if (quote === null) return []
    const round = this.#rounds.get(quote.toString())
    if (round === undefined) throw new Error('an order that cites a quote that was not put here')
    this.#rounds.delete(quote.toString())
    const asked = this.#sessions.get(round.order.cid.toString())
    return [...(asked?.rounds ?? []), round]
  }

  #forgetEnded(): void {
    if (this.#sessions.size <= this.#sessionsMax) return
    // A Map keeps the order in which they began.
    for (const [session, { endedAt }] of this.#sessions) {
      if (this.#sessions.size <= this.#sessionsMax) return
      if (endedAt !== null) this.forget(session)
    }
  }
}

function rowOf(session: string, kept: KeptSession): SessionRow {
  const { value, startedAt, endedAt, reason, amount, receipts } = kept
  return {
    session,
    role: 'consumer',
    peer: value.provider,
    model: value.model,
    startedAt,
    endedAt: endedAt ?? undefined,
    reason: reason ?? undefined,
    amount,
    receipts: receipts.length,
  }
}

function forgetOldest(map: Map<string, unknown>, most: number): void {
  const oldest = map.keys().next()
  if (map.size > most && oldest.done !== true) map.delete(oldest.value)
}
