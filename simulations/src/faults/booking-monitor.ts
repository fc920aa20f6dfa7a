import { CLOCK_SKEW_MS } from '@hanse/protocol'
import {
  accountParts,
  type BookingPlan,
  type Claim,
  isGuarded,
  REVENUE,
  type Transfer,
} from '@hanse/settlement/rules'
import { type SettlementState, sessionOf } from './settlement-state.ts'
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

/** What became of one session in a batch. */
export interface Outcome {
  readonly claim: Claim
  readonly code: string | undefined
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
  /** By `pairKey`: number of the newest receipt that was refused for a reason that holds, and that no later one followed. */
  readonly #refused = new Map<string, bigint>()
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

  /** A batch is booked: `code` says why a claim was refused, where it was. */
  booked(
    state: SettlementState,
    plan: BookingPlan,
    outcomes: readonly Outcome[],
    partiesOf: (claim: Claim) => Parties,
    now: number,
    holdGraceMs: number,
  ): void {
    for (const { claim } of plan.receipts) this.#seat(claim)
    for (const { claim, code } of outcomes) {
      if (code === undefined) this.#give(claim)
      else this.#judge(state, claim, code, partiesOf(claim), now, holdGraceMs)
    }
    for (const { claim } of outcomes) this.#checkBooked(state, claim)
    for (const { claim } of plan.sessions.values()) this.#checkParties(state, claim)
    this.money(state)
    this.#checkEarned(state, plan)
    this.#checkLimits(state, outcomes)
  }

  /** A receipt was refused, and rightly. */
  refuse(parties: Parameters<typeof pairKey>[0], sequence: bigint): void {
    const key = pairKey(parties)
    if (sequence >= (this.#refused.get(key) ?? 0n)) this.#refused.set(key, sequence)
  }

  wasRefused(parties: Parameters<typeof pairKey>[0]): boolean {
    return this.#refused.has(pairKey(parties))
  }

  #post({ debit, credit, amount }: Transfer, touched: Set<string>): void {
    if (amount <= 0n) fail('money', `a transfer of ${amount}`)
    this.#balances.set(debit, (this.#balances.get(debit) ?? 0n) - amount)
    this.#balances.set(credit, (this.#balances.get(credit) ?? 0n) + amount)
    touched.add(debit).add(credit)
  }

  #seat(claim: Claim): void {
    const seat = `${claim.session}/${claim.sequence}`
    const kept = this.#seats.get(seat)
    if (kept !== undefined) fail('equivocation', `${seat}: ${claim.receipt} beside ${kept}`)
    this.#seats.set(seat, claim.receipt)
  }

  #give(claim: Claim): void {
    const key = pairKey(claim)
    const { sequence, amount } = claim
    const highest = this.#given.get(key)
    if (highest === undefined || highest.sequence < sequence)
      this.#given.set(key, { sequence, amount })
    // Somebody who has only older receipts may send one of those again.
    if (sequence >= (this.#refused.get(key) ?? 0n)) this.#refused.delete(key)
  }

  #checkBooked(state: SettlementState, claim: Claim): void {
    const given = this.#given.get(pairKey(claim))
    const settled = sessionOf(state, claim)?.facts
    if (given === undefined) return
    if (settled?.sequence === given.sequence && settled.amount === given.amount) return
    // Nobody is paid for free sessions between strangers, and nothing is kept of them.
    if (claim.authorization === null && settled === undefined && given.amount === 0n) return
    fail('booking', `${claim.session}: ${settled?.amount} booked, ${given.amount} given`)
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
        case 'HANSE_SESSION_FROZEN':
        case 'HANSE_STATEMENT_FROZEN':
        case 'HANSE_RECEIPT_CHAIN':
        case 'HANSE_RECEIPT_LINK':
        case 'HANSE_AUTHORIZATION_INVALID':
          return !consumerHonest && !providerHonest
        case 'HANSE_AUTHORIZATION_EXPIRED':
        case 'HANSE_HOLD_RELEASED':
          return !providerHonest || (row !== undefined && now >= row.notAfter + holdGraceMs)
        case 'HANSE_RECEIPT_LIMIT':
          return !consumerHonest || !providerHonest
        case 'HANSE_POLICY_RESIDENCY':
          // A clock that is off by more than peers tolerate dates sessions before the evidence for them.
          return (
            !evidenceAgrees ||
            claim.acceptedAt < payableSince - CLOCK_SKEW_MS ||
            (!consumerHonest && !providerHonest)
          )
        default:
          return false
      }
    })()
    if (!reason) fail('booking', `${session} ${claim.sequence}: refused as ${code}`)
    this.refuse(claim, claim.sequence)
  }

  /** What providers and the platform were ever given is what the settled sessions come to. */
  #checkEarned(state: SettlementState, plan: BookingPlan): void {
    for (const { claim, facts } of plan.sessions.values()) {
      const due = (facts.amount * BigInt(facts.feeBps)) / 10_000n
      if (claim.authorization !== null && facts.fee !== due)
        fail('fee', `${claim.session}: ${facts.fee} of ${facts.amount}`)
    }
    const earned = new Map<string, bigint>()
    let fees = 0n
    for (const { claim, facts } of state.sessions.values()) {
      if (claim.authorization === null) continue
      const before = earned.get(claim.provider) ?? 0n
      earned.set(claim.provider, before + facts.amount - facts.fee)
      fees += facts.fee
    }
    for (const [provider, amount] of earned) {
      const paid = this.#balances.get(`payable/${provider}`) ?? 0n
      if (paid !== amount) fail('booking', `${provider} is paid ${paid} for ${amount}`)
    }
    const revenue = this.#balances.get(REVENUE) ?? 0n
    if (revenue !== fees) fail('fee', `the platform has ${revenue} of ${fees}`)
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

  #checkLimits(state: SettlementState, outcomes: readonly Outcome[]): void {
    for (const authorization of new Set(outcomes.map(({ claim }) => claim.authorization ?? ''))) {
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

/** Two pairs may name the same order, when one of them lies. */
export function pairKey({
  session,
  consumer,
  provider,
}: Pick<Claim, 'session' | 'consumer' | 'provider'>): string {
  return `${session} ${consumer} ${provider}`
}
