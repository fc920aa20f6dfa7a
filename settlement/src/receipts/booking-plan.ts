import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { accountId, REVENUE, type Transfer } from '../ledger/accounts.ts'
import type { LogFact } from '../log/log-fact.ts'
import type { NewEvent } from '../notifications/event.ts'
import {
  type EventParties,
  policyViolated,
  receiptSettled,
  receiptsContradict,
  residencyViolated,
  statementSettled,
  statementsContradict,
} from './booking-events.ts'
import type { Claim, ReceiptEvidence, RefusedSession, StatementClaim } from './claim.ts'
import {
  type AuthorizationFacts,
  type Booking,
  type BookingPolicy,
  decideBooking,
  type ProviderFacts,
  type SessionFacts,
} from './decide-booking.ts'
import { decideStatement, type StatementBooking } from './decide-statement.ts'
import { claimAs } from './session-key.ts'

/** What the store held when the batch had its locks. */
export interface KnownFacts {
  /** By CID. */
  readonly authorizations: Map<string, AuthorizationFacts>
  /** By the session's key: see `claimAs`. */
  readonly sessions: Map<string, SessionFacts>
  /** CID by `session/sequence`. */
  readonly receipts: Map<string, string>
  readonly providers: Map<string, ProviderFacts>
  /** By the consumer's peer id. */
  readonly organizations: Map<string, string>
  /** Of the lanes that the batch's statements are in; not needed for receipts. */
  readonly lanes?: KnownLanes
  /** Evidence that is kept already, as `session/sequence/cid` or `authorization/lane/sequence/cid`. */
  readonly conflicts?: ReadonlySet<string>
}

export interface KnownLanes {
  /** CID by `authorization/lane/sequence`. */
  readonly seats: Map<string, string>
  /** The records, by CID, that the batch's statements name as the ones before them. */
  readonly statements: Map<string, Uint8Array>
  /** Lanes with two statements under one number, as `authorization/lane`. */
  readonly frozen: Set<string>
}

/** A session as it will be stored after the batch. */
export interface SessionWrite {
  readonly claim: Claim
  readonly facts: SessionFacts
  readonly organization: string | null
  readonly evidence: ReceiptEvidence | null
  readonly statement: string | null
}

/** What the parties will be told of; see the table of alerts. */
export interface NewAlert {
  readonly kind: 'receipt-equivocation' | 'statement-equivocation'
  readonly subject: string
  readonly organization: string | null
  readonly provider: string
  readonly kept: string
  readonly contradicting: string
}

type Booked = Booking & { readonly status: 'booked' }

/**
 * The decisions of one batch, each on top of the ones before it, gathered for one posting statement. Holds no
 * connection: what a batch does can be tested without a database.
 */
export class BookingPlan {
  readonly sessions = new Map<string, SessionWrite>()
  readonly receipts: { readonly claim: Claim; readonly increase: PicoEuro }[] = []
  readonly conflicts: Claim[] = []
  readonly statements: { readonly claim: StatementClaim; readonly serial: bigint }[] = []
  readonly statementConflicts: { readonly claim: StatementClaim; readonly serial: bigint }[] = []
  /** Sessions, and lanes of an authorization, that nothing more is booked of. */
  readonly frozenSessions = new Set<string>()
  readonly frozenLanes = new Map<string, { readonly serial: bigint; readonly lane: number }>()
  readonly alerts: NewAlert[] = []
  readonly transfers: Transfer[] = []
  /** What the log will tell of. */
  readonly events: LogFact[] = []
  /** What organizations are told of. */
  readonly notices: NewEvent[] = []
  /** Pico-euro spent in this batch, by the serial of the authorization. */
  readonly spent = new Map<bigint, bigint>()
  readonly #known: KnownFacts
  readonly #lanes: KnownLanes
  readonly #policy: BookingPolicy

  constructor(known: KnownFacts, policy: BookingPolicy) {
    this.#known = known
    this.#lanes = known.lanes ?? { seats: new Map(), statements: new Map(), frozen: new Set() }
    this.#policy = policy
  }

  take(given: Claim): Booking {
    const claim = claimAs(given, this.#known.sessions)
    const booking = this.#decide(claim)
    if (booking.status === 'booked' && this.#concernsUs(claim)) {
      this.#post(claim, claim.receipt, booking)
      this.events.push(receiptSettled(claim, booking.increase, this.#partiesOf(claim)))
    }
    return booking
  }

  /** A statement posts once for all of its sessions. */
  takeStatement(claim: StatementClaim): StatementBooking {
    const { seats, statements, frozen } = this.#lanes
    const authorization = this.#known.authorizations.get(claim.authorization)
    const lane = `${claim.authorization}/${claim.lane}`
    const seat = `${lane}/${claim.sequence}`
    const seen = seats.get(seat)
    const decision = decideStatement(claim, {
      authorization,
      provider: this.#known.providers.get(claim.provider),
      organization: this.#known.organizations.get(claim.consumer),
      seen,
      frozen: frozen.has(lane),
      previous: statements.get(claim.previous ?? ''),
    })
    if (decision.status === 'rejected') {
      if (decision.code === 'HANSE_STATEMENT_EQUIVOCATION' && authorization !== undefined) {
        this.#freezeLane(claim, authorization.serial, seen ?? '')
      }
      return decision
    }
    if (decision.status === 'new' && authorization !== undefined) {
      this.statements.push({ claim, serial: authorization.serial })
      seats.set(seat, claim.cid)
      statements.set(claim.cid, claim.bytes)
    }
    const booking = this.#takeLines(claim, decision.status === 'again', frozen.has(lane))
    if (decision.status === 'new') {
      this.events.push(statementSettled(claim, booking.increase, this.#partiesOf(claim)))
    }
    return booking
  }

  #takeLines(
    { cid, claims, refused }: StatementClaim,
    isStored: boolean,
    laneFrozen: boolean,
  ): StatementBooking & { readonly status: 'booked' | 'duplicate' } {
    const sessions = { booked: 0, duplicate: 0, superseded: 0 }
    const refusals: RefusedSession[] = [...refused]
    const total = { increase: 0n, fee: 0n }
    for (const given of claims) {
      const claim = claimAs(given, this.#known.sessions)
      const booking = this.#decide(claim, laneFrozen)
      if (booking.status === 'rejected') {
        refusals.push({ session: given.session, code: booking.code, message: booking.message })
        continue
      }
      sessions[booking.status]++
      if (booking.status !== 'booked') continue
      total.increase += booking.increase
      total.fee += booking.feeIncrease
      // What a statement did not book at first is posted by itself: its own posting has been, and is never changed.
      if (isStored) this.#post(claim, `${cid}/${claim.session}`, booking)
    }
    const increase = picoEuro(total.increase)
    const [first] = claims
    if (!isStored && first !== undefined) {
      this.#post(first, cid, { increase, feeIncrease: picoEuro(total.fee) })
    }
    const status = isStored && sessions.booked === 0 ? 'duplicate' : 'booked'
    return { status, increase, sessions, refused: refusals }
  }

  /** Decides on one session and notes what becomes of it; the posting is the caller's. */
  #decide(claim: Claim, laneFrozen = false): Booking {
    const known = this.#known
    const seen = known.receipts.get(`${claim.session}/${claim.sequence}`)
    const booking = decideBooking(
      claim,
      {
        seen,
        laneFrozen,
        session: known.sessions.get(claim.session),
        authorization: known.authorizations.get(claim.authorization ?? ''),
        provider: known.providers.get(claim.provider),
        organization: known.organizations.get(claim.consumer),
      },
      this.#policy,
    )
    if (booking.status === 'rejected' && booking.code === 'HANSE_RECEIPT_EQUIVOCATION') {
      this.#freezeSession(claim, seen ?? '')
    }
    if (booking.status === 'rejected' && booking.code === 'HANSE_POLICY_RESIDENCY') {
      this.#violated(claim)
    }
    if (booking.status === 'superseded') this.#keep(claim, picoEuro(0n))
    if (booking.status === 'booked' && this.#concernsUs(claim)) this.#book(claim, booking)
    return booking
  }

  /** What was kept as evidence before, and decided on since, freezes nothing again. */
  #freezeSession(claim: Claim, kept: string): void {
    const { session, provider, receipt } = claim
    const known = this.#known
    if (known.conflicts?.has(`${session}/${claim.sequence}/${receipt}`) === true) return
    this.conflicts.push(claim)
    this.frozenSessions.add(session)
    const facts = known.sessions.get(session)
    if (facts !== undefined) known.sessions.set(session, { ...facts, frozen: true })
    const parties = this.#partiesOf(claim)
    const organization = parties.organization ?? null
    const kind = 'receipt-equivocation'
    this.alerts.push({
      kind,
      subject: session,
      organization,
      provider,
      kept,
      contradicting: receipt,
    })
    this.events.push(receiptsContradict(claim, kept, parties))
  }

  #freezeLane(claim: StatementClaim, serial: bigint, kept: string): void {
    const { cid, provider } = claim
    const lane = `${claim.authorization}/${claim.lane}`
    if (this.#known.conflicts?.has(`${lane}/${claim.sequence}/${cid}`) === true) return
    this.statementConflicts.push({ claim, serial })
    this.frozenLanes.set(lane, { serial, lane: claim.lane })
    this.#lanes.frozen.add(lane)
    const parties = this.#partiesOf(claim)
    const organization = parties.organization ?? null
    const kind = 'statement-equivocation'
    this.alerts.push({ kind, subject: lane, organization, provider, kept, contradicting: cid })
    this.events.push(statementsContradict(claim, kept, parties))
  }

  /** Free sessions between strangers are answered and not stored: nobody here would ever ask for them. */
  #concernsUs(claim: Claim): boolean {
    return (
      claim.authorization !== null ||
      this.#known.providers.has(claim.provider) ||
      this.#known.organizations.has(claim.consumer)
    )
  }

  /** Strangers could fill the log with what they make up: it tells of those who are known here. */
  #violated(claim: Claim): void {
    const parties = this.#partiesOf(claim)
    if (parties.organization === undefined || parties.country === undefined) return
    this.events.push(policyViolated(claim, parties))
    this.notices.push(residencyViolated(claim, parties))
  }

  #partiesOf({ consumer, provider }: Pick<Claim, 'consumer' | 'provider'>): EventParties {
    return {
      organization: this.#known.organizations.get(consumer),
      country: this.#known.providers.get(provider)?.country,
    }
  }

  #book(claim: Claim, booking: Booked): void {
    const known = this.#known
    const authorization = known.authorizations.get(claim.authorization ?? '')
    const facts: SessionFacts = {
      consumer: claim.consumer,
      provider: claim.provider,
      serial: authorization?.serial ?? null,
      sequence: claim.sequence,
      amount: claim.amount,
      fee: picoEuro((known.sessions.get(claim.session)?.fee ?? 0n) + booking.feeIncrease),
      feeBps: booking.feeBps,
      inputTokens: claim.inputTokens,
      outputTokens: claim.outputTokens,
    }
    known.sessions.set(claim.session, facts)
    const earlier = this.sessions.get(claim.session)
    this.sessions.set(claim.session, {
      claim,
      facts,
      organization: known.organizations.get(claim.consumer) ?? null,
      evidence: claim.evidence ?? earlier?.evidence ?? null,
      statement: claim.statement ?? earlier?.statement ?? null,
    })
    this.#keep(claim, booking.increase)
    if (authorization === undefined || booking.increase === 0n) return
    const { serial, remaining } = authorization
    this.spent.set(serial, (this.spent.get(serial) ?? 0n) + booking.increase)
    known.authorizations.set(claim.authorization ?? '', {
      ...authorization,
      remaining: picoEuro(remaining - booking.increase),
    })
  }

  #post(
    { authorization, provider }: Claim,
    reference: string,
    { increase, feeIncrease }: Pick<Booked, 'increase' | 'feeIncrease'>,
  ): void {
    const payer = this.#known.authorizations.get(authorization ?? '')
    if (payer === undefined || increase === 0n) return
    const debit = accountId('held', payer.organization)
    const earned = picoEuro(increase - feeIncrease)
    if (earned > 0n) {
      const credit = accountId('payable', provider)
      this.transfers.push({ debit, credit, amount: earned, kind: 'usage', reference })
    }
    if (feeIncrease > 0n) {
      const amount = feeIncrease
      this.transfers.push({ debit, credit: REVENUE, amount, kind: 'platform_fee', reference })
    }
  }

  #keep(claim: Claim, increase: PicoEuro): void {
    this.#known.receipts.set(`${claim.session}/${claim.sequence}`, claim.receipt)
    this.receipts.push({ claim, increase })
  }
}
