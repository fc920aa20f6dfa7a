import {
  accountParts,
  type Booking,
  type BookingPlan,
  type Claim,
  isGuarded,
  type Transfer,
} from '@hanse/settlement/rules'
import type { SettlementState } from './settlement-state.ts'
import { InvariantViolation } from './violation.ts'

/** What the monitor has to know of a session to judge a refusal. */
export interface Parties {
  readonly consumerHonest: boolean
  readonly providerHonest: boolean
  /** Settlement sees the same evidence of the provider's place as the parties did. */
  readonly evidenceAgrees: boolean
  /** Since when settlement has evidence of its own, milliseconds since 1970. */
  readonly payableSince: number
}

interface Given {
  readonly sequence: bigint
  readonly amount: bigint
}

/** Keeps books beside settlement's: from the transfers it posts, and from the receipts that it is given. */
export class BookingMonitor {
  readonly #balances = new Map<string, bigint>()
  readonly #given = new Map<string, Given>()
  readonly #seats = new Map<string, string>()
  readonly #sessionOf = new Map<string, string>()
  /** By session: what went to the provider and to the platform. */
  readonly #posted = new Map<string, { earned: bigint; fee: bigint }>()
  /** Sessions whose last receipt was refused for a reason that holds. */
  readonly refused = new Map<string, string>()
  #transfers = 0

  /** The journal and the balances that were made of it. */
  money(state: SettlementState): void {
    const touched = new Set<string>()
    for (; this.#transfers < state.transfers.length; this.#transfers++)
      this.#post(state.transfers[this.#transfers] as Transfer, touched)
    for (const account of touched) {
      const balance = this.#balances.get(account) ?? 0n
      const { kind } = accountParts(account as Transfer['debit'])
      if (isGuarded(kind) && balance < 0n) fail('money', `${account} is at ${balance}`)
      if (state.balances.get(account as Transfer['debit']) !== balance)
        fail('money', `${account} is not the sum of its transfers`)
    }
    let sum = 0n
    for (const balance of this.#balances.values()) sum += balance
    if (sum !== 0n) fail('money', `all accounts together are ${sum}`)
    this.#checkHeld(state)
  }

  booked(
    state: SettlementState,
    plan: BookingPlan,
    bookings: readonly (readonly [Claim, Booking])[],
    partiesOf: (claim: Claim) => Parties,
    now: number,
    holdGraceMs: number,
  ): void {
    for (const { claim } of plan.receipts) this.#seat(claim)
    for (const [claim, booking] of bookings) {
      if (booking.status === 'rejected')
        this.#judge(state, claim, booking.code, partiesOf(claim), now, holdGraceMs)
      else this.#give(claim)
      if (booking.status === 'booked') this.#checkParties(state, claim)
    }
    for (const [claim] of bookings) this.#checkBooked(state, claim)
    this.money(state)
    for (const session of plan.sessions.keys()) this.#checkFee(state, session)
    this.#checkLimits(state, bookings)
  }

  #post({ debit, credit, amount, kind, reference }: Transfer, touched: Set<string>): void {
    if (amount <= 0n) fail('money', `a transfer of ${amount}`)
    this.#balances.set(debit, (this.#balances.get(debit) ?? 0n) - amount)
    this.#balances.set(credit, (this.#balances.get(credit) ?? 0n) + amount)
    touched.add(debit).add(credit)
    const session = this.#sessionOf.get(reference)
    if (session === undefined) return
    const posted = this.#posted.get(session) ?? { earned: 0n, fee: 0n }
    if (kind === 'usage') posted.earned += amount
    if (kind === 'platform_fee') posted.fee += amount
    this.#posted.set(session, posted)
  }

  #seat(claim: Claim): void {
    const seat = `${claim.session}/${claim.sequence}`
    const kept = this.#seats.get(seat)
    if (kept !== undefined) fail('equivocation', `${seat}: ${claim.receipt} beside ${kept}`)
    this.#seats.set(seat, claim.receipt)
    this.#sessionOf.set(claim.receipt, claim.session)
  }

  #give({ session, sequence, amount, receipt }: Claim): void {
    const seated = this.#seats.get(`${session}/${sequence}`)
    if (seated !== undefined && seated !== receipt)
      fail('equivocation', `${receipt} is answered as if it were ${seated}`)
    const highest = this.#given.get(session)
    if (highest === undefined || highest.sequence < sequence)
      this.#given.set(session, { sequence, amount })
    this.refused.delete(session)
  }

  #checkBooked(state: SettlementState, { session, authorization }: Claim): void {
    const given = this.#given.get(session)
    const settled = state.sessions.get(session)?.facts
    if (given === undefined) return
    if (settled?.sequence !== given.sequence || settled.amount !== given.amount) {
      // Nobody is paid for free sessions between strangers, and nothing is kept of them.
      if (authorization === null && settled === undefined && given.amount === 0n) return
      fail('booking', `${session}: ${settled?.amount} booked, ${given.amount} given`)
    }
    const posted = this.#posted.get(session)
    if (posted !== undefined && posted.earned + posted.fee > given.amount)
      fail('booking', `${session}: ${posted.earned + posted.fee} posted for ${given.amount}`)
  }

  /** What is paid from a hold is paid by whom and to whom it was made for. */
  #checkParties(state: SettlementState, { authorization, consumer, provider }: Claim): void {
    if (authorization === null) return
    const row = state.authorizations.get(authorization)
    if (row?.consumer !== consumer || row.provider !== provider)
      fail('booking', `${authorization} pays for others`)
  }

  /** A refusal of a receipt that an honest party relies on must have its reason. */
  #judge(
    state: SettlementState,
    claim: Claim,
    code: string,
    { consumerHonest, providerHonest, evidenceAgrees, payableSince }: Parties,
    now: number,
    holdGraceMs: number,
  ): void {
    const { session } = claim
    const row = state.authorizations.get(claim.authorization ?? '')
    const reason = ((): boolean => {
      switch (code) {
        case 'HANSE_RECEIPT_EQUIVOCATION':
        case 'HANSE_RECEIPT_CHAIN':
        case 'HANSE_AUTHORIZATION_INVALID':
          return !consumerHonest && !providerHonest
        case 'HANSE_AUTHORIZATION_EXPIRED':
          return !providerHonest || (row !== undefined && now >= row.notAfter + holdGraceMs)
        case 'HANSE_RECEIPT_LIMIT':
          return !consumerHonest || !providerHonest
        case 'HANSE_POLICY_RESIDENCY':
          // A provider whose clock is slow dates its first sessions before its own evidence.
          return (
            !evidenceAgrees ||
            claim.acceptedAt < payableSince ||
            (!consumerHonest && !providerHonest)
          )
        default:
          return false
      }
    })()
    if (!reason) fail('booking', `${session} ${claim.sequence}: refused as ${code}`)
    this.refused.set(session, code)
  }

  #checkFee(state: SettlementState, session: string): void {
    const settled = state.sessions.get(session)
    if (settled === undefined || settled.claim.authorization === null) return
    const { amount, feeBps } = settled.facts
    const { earned, fee } = this.#posted.get(session) ?? { earned: 0n, fee: 0n }
    if (earned + fee !== amount) fail('booking', `${session}: ${earned + fee} posted for ${amount}`)
    if (fee !== (amount * BigInt(feeBps)) / 10_000n) fail('fee', `${session}: ${fee} of ${amount}`)
  }

  #checkHeld(state: SettlementState): void {
    const open = new Map<string, bigint>()
    for (const { closed, organization, limit, spent, released } of state.authorizations.values()) {
      if (closed) continue
      open.set(organization, (open.get(organization) ?? 0n) + limit - spent - released)
    }
    for (const [account, balance] of this.#balances) {
      const { kind, owner } = accountParts(account as Transfer['debit'])
      if (kind === 'held' && balance !== (open.get(owner) ?? 0n))
        fail('money', `${account} is ${balance}, open authorizations come to ${open.get(owner)}`)
    }
  }

  #checkLimits(state: SettlementState, bookings: readonly (readonly [Claim, Booking])[]): void {
    for (const authorization of new Set(bookings.map(([claim]) => claim.authorization ?? ''))) {
      const row = state.authorizations.get(authorization)
      if (row === undefined) continue
      let sum = 0n
      for (const { claim } of state.sessions.values())
        if (claim.authorization === authorization) sum += claim.amount
      if (sum > row.limit) fail('limit', `${sum} booked of ${row.limit}`)
      if (sum !== row.spent) fail('booking', `${sum} booked, ${row.spent} spent`)
    }
  }
}

function fail(invariant: InvariantViolation['invariant'], detail: string): never {
  throw new InvariantViolation(invariant, detail)
}
