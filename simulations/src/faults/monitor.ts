import { CLOCK_SKEW_MS, type OpenStatement, type Order, orderCostMax } from '@hanse/protocol'
import type {
  Booking,
  BookingPlan,
  Claim,
  StatementBooking,
  StatementClaim,
} from '@hanse/settlement/rules'
import type { Host } from '../kernel/index.ts'
import { BookingMonitor, type Outcome } from './booking-monitor.ts'
import { mayServe, peer, satisfies } from './cast.ts'
import { type Bought, ConsumerAccount } from './consumer-account.ts'
import { ProviderAccount } from './provider-account.ts'
import { type ConsumerPlan, EPOCH, type ProviderPlan, type Scenario } from './scenario.ts'
import type { SessionStore, SignedAcceptance, SignedOrder, SignedReceipt } from './session-store.ts'
import { type SettlementState, sessionOf } from './settlement-state.ts'
import { type Invariant, InvariantViolation } from './violation.ts'

/** Watches every party from outside and keeps its own accounts: it knows the truth of the world, and trusts no rule. */
export class Monitor {
  readonly #scenario: Scenario
  readonly #booking = new BookingMonitor()
  readonly #providers: ReadonlyMap<string, ProviderPlan>
  readonly #consumers: ReadonlyMap<string, ConsumerPlan>
  /** Orders that ran, by the CID of the order. */
  readonly #ran = new Set<string>()
  readonly #delivering = new Map<string, ProviderAccount[]>()
  /** What honest consumers promised: by authorization, then by session. */
  readonly #promised = new Map<string, Map<string, bigint>>()
  /** Receipts that honest consumers countersigned. */
  readonly #signed = new Set<string>()
  /** The newest Statement that an honest consumer signed in each lane. */
  readonly #lanes = new Map<string, { readonly cid: string; readonly amount: bigint }>()
  /** Settled Statements by `authorization/lane/sequence`. */
  readonly #numbers = new Map<string, string>()
  readonly #unsecured = new Set<string>()
  readonly #orders = new Map<string, SignedOrder>()
  readonly #running = new Map<Host, Set<object>>()
  /** The newest receipt that each honest holder must still have. */
  readonly #held = new Map<SessionStore, Map<string, SignedReceipt>>()
  #settlement: (() => SettlementState) | undefined

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#providers = new Map(scenario.providers.map((plan) => [peer(plan.name), plan]))
    this.#consumers = new Map(scenario.consumers.map((plan) => [peer(plan.name), plan]))
  }

  watch(settlement: () => SettlementState): void {
    this.#settlement = settlement
  }

  fail(invariant: Invariant, detail: string): never {
    throw new InvariantViolation(invariant, detail)
  }

  /** A session of an honest party; it must end. */
  opened(host: Host, session: object): void {
    const running = this.#running.get(host) ?? new Set()
    this.#running.set(host, running.add(session))
  }

  ended(host: Host, session: object): void {
    this.#running.get(host)?.delete(session)
  }

  /** With the program all its sessions are gone. */
  crashed(host: Host): void {
    this.#running.delete(host)
    for (const account of [...this.#delivering.values()].flat())
      if (account.order.value.provider === peer(host.name)) account.ended()
  }

  prompts(order: Order, now: number): void {
    const plan = this.#providers.get(order.provider)
    if (plan === undefined || !satisfies(plan, order.residency, now))
      this.fail('residency', `a prompt goes to ${plan?.name}`)
  }

  buys(bought: Bought): ConsumerAccount {
    return new ConsumerAccount(bought)
  }

  /** An honest consumer signs; its receipts are kept in `store`. */
  countersigns(account: ConsumerAccount, receipt: SignedReceipt, store: SessionStore): void {
    account.countersigned(receipt)
    this.#signed.add(receipt.cid.toString())
    const { order } = account
    this.#keep(store, order, receipt)
    const authorization = order.value.authorization?.toString()
    if (authorization === undefined) return
    const sessions = this.#promised.get(authorization) ?? new Map<string, bigint>()
    this.#promised.set(authorization, sessions)
    sessions.set(order.cid.toString(), receipt.value.amount)
    const limit = this.#settlement?.().authorizations.get(authorization)?.limit
    const promised = [...sessions.values()].reduce((sum, amount) => sum + amount, 0n)
    if (limit === undefined || promised > limit)
      this.fail('consumer-limit', `${promised} promised under an authorization of ${limit}`)
  }

  /** A countersignature leaves: its receipt must be on the disk. */
  promises(store: SessionStore, session: string, sequence: bigint): void {
    if (this.#held.get(store)?.get(session)?.value.sequence !== sequence)
      this.fail('durability', `the countersignature of ${sequence} leaves before it is kept`)
  }

  /** An honest provider starts its engine. */
  starts(
    plan: ProviderPlan,
    order: SignedOrder,
    acceptance: SignedAcceptance,
    now: number,
  ): ProviderAccount {
    const session = order.cid.toString()
    if (this.#ran.has(session)) this.fail('replay', `${plan.name} runs ${session} again`)
    this.#ran.add(session)
    this.#checkTerms(plan, order.value, now)
    const account = new ProviderAccount(order, acceptance)
    const authorization = order.value.authorization?.toString() ?? ''
    this.#delivering.set(authorization, [...(this.#delivering.get(authorization) ?? []), account])
    return account
  }

  delivers(account: ProviderAccount, items: readonly (readonly [number, Uint8Array])[]): void {
    account.delivered(items)
    const authorization = account.order.value.authorization?.toString()
    if (authorization === undefined) return
    const limit = this.#settlement?.().authorizations.get(authorization)?.limit ?? 0n
    const accounts = this.#delivering.get(authorization) ?? []
    const exposed = accounts.reduce((sum, { exposure }) => sum + exposure, 0n)
    if (exposed > limit)
      this.fail('provider-commitment', `${exposed} delivered under an authorization of ${limit}`)
  }

  /** An honest provider has a countersignature, and keeps it in `store`. */
  collects(account: ProviderAccount, receipt: SignedReceipt, store: SessionStore): void {
    account.countersigned(receipt)
    this.#keep(store, account.order, receipt)
  }

  /** The host of `store` starts again: what was signed must be there. */
  restarts(store: SessionStore): void {
    const kept = new Map(store.lastReceipts().map(({ session, receipt }) => [session, receipt]))
    for (const [session, receipt] of this.#held.get(store) ?? []) {
      const found = kept.get(session)
      if (found === undefined || found.value.sequence < receipt.value.sequence)
        this.fail('durability', `receipt ${receipt.value.sequence} of ${session} is lost`)
    }
  }

  money(state: SettlementState): void {
    this.#booking.money(state)
  }

  booked(
    state: SettlementState,
    plan: BookingPlan,
    bookings: readonly (readonly [Claim, Booking])[],
    now: number,
  ): void {
    const outcomes = bookings.map(([claim, booking]) => ({
      claim,
      code: booking.status === 'rejected' ? booking.code : undefined,
    }))
    this.#book(state, plan, outcomes, now)
  }

  /** An honest consumer puts its name to a Statement. */
  states(store: SessionStore, { cid, value, lines }: OpenStatement): void {
    const lane = `${value.authorization.toString()}/${value.lane}`
    const known = this.#lanes.get(lane)
    // A provider that lost the answer asks again.
    if (known?.cid === cid.toString()) return
    const amount = lines.reduce((sum, line) => sum + line.amount, known?.amount ?? 0n)
    if (value.amount !== amount) this.fail('consumer-pays', `${value.amount} stated of ${amount}`)
    this.#lanes.set(lane, { cid: cid.toString(), amount })
    for (const { order, receipt, amount: claimed } of lines) {
      const last = this.#held.get(store)?.get(order.toString())
      if (last?.cid.equals(receipt) !== true || last.value.amount !== claimed)
        this.fail('consumer-pays', `it states ${claimed} for ${order.toString()}`)
    }
  }

  stated(
    state: SettlementState,
    plan: BookingPlan,
    results: readonly { readonly claim: StatementClaim; readonly booking: StatementBooking }[],
    now: number,
  ): void {
    const outcomes = results.flatMap(({ claim: { claims }, booking }) => {
      if (booking.status === 'rejected') return []
      const codes = new Map(booking.refused.map(({ session, code }) => [session, code]))
      return claims.map((claim) => ({ claim, code: codes.get(claim.session) }))
    })
    for (const { claim } of plan.statements) {
      const number = `${claim.authorization}/${claim.lane}/${claim.sequence}`
      const other = this.#numbers.get(number)
      if (other !== undefined) this.fail('equivocation', `${claim.cid} beside ${other}`)
      this.#numbers.set(number, claim.cid)
    }
    this.#book(state, plan, outcomes, now)
    for (const { claim, booking } of results)
      if (booking.status === 'rejected') this.#judgeStatement(state, claim, booking.code, now)
  }

  #book(
    state: SettlementState,
    plan: BookingPlan,
    outcomes: readonly Outcome[],
    now: number,
  ): void {
    const { holdGraceMs } = this.#scenario
    for (const { claim } of plan.receipts) {
      if (this.#parties(claim).consumerHonest && !this.#signed.has(claim.receipt))
        this.fail('booking', `${claim.consumer} never signed ${claim.receipt}`)
    }
    this.#booking.booked(state, plan, outcomes, (claim) => this.#parties(claim), now, holdGraceMs)
  }

  /** With one honest party a lane has one history. */
  #judgeStatement(state: SettlementState, claim: StatementClaim, code: string, now: number): void {
    const { consumerHonest, providerHonest } = this.#parties(claim)
    const row = state.authorizations.get(claim.authorization)
    const over = row !== undefined && now >= row.notAfter + this.#scenario.holdGraceMs
    const reason =
      (!consumerHonest && !providerHonest) ||
      code === 'HANSE_STATEMENT_PREVIOUS' ||
      (code === 'HANSE_HOLD_RELEASED' && over)
    if (!reason) this.fail('booking', `statement ${claim.cid} is refused as ${code}`)
  }

  /** Settlement refuses what an honest party sends for a session before it looks into its books. */
  refuses(order: SignedOrder, session: string, sequence: bigint, code: string): void {
    const shown = this.#providers.get(order.value.provider)?.attestation
    const reason =
      (code === 'HANSE_AUTHORIZATION_REQUIRED' && this.#unsecured.has(session)) ||
      // Its consumers pass on what the provider showed them.
      (code === 'HANSE_RECEIPT_LINK' && shown === 'wrong-subject')
    if (!reason) this.fail('booking', `${session}: refused as ${code}`)
    this.#booking.refuse({ session, ...order.value }, sequence)
  }

  /** After all faults have healed and time enough has passed. */
  quiet(state: SettlementState, waiting: number): void {
    const running = [...this.#running].filter(([, sessions]) => sessions.size > 0)
    if (running.length > 0)
      this.fail('liveness', `sessions still run at ${running.map(([{ name }]) => name).join()}`)
    if (waiting > 0) this.fail('liveness', `${waiting} receipts never reached settlement`)
    const highest = new Map<string, SignedReceipt>()
    for (const receipts of this.#held.values()) {
      for (const [session, receipt] of receipts) {
        const other = highest.get(session)
        if (other === undefined || other.value.sequence < receipt.value.sequence)
          highest.set(session, receipt)
      }
    }
    for (const [session, { value }] of highest) {
      const order = this.#orders.get(session)
      if (order === undefined) continue
      const parties = { session, ...order.value }
      const settled = sessionOf(state, parties)
      const booked = settled?.facts.amount ?? 0n
      // Settlement pays nothing without an authorization: that credit was the provider's own.
      if (this.#unsecured.has(session)) continue
      // A cheat may have given settlement a later one, that it did not let the other party have.
      if (booked < value.amount && !this.#booking.wasRefused(parties))
        this.fail('quiescence', `${session}: ${booked} booked, ${value.amount} signed`)
    }
  }

  #keep(store: SessionStore, order: SignedOrder, receipt: SignedReceipt): void {
    const receipts = this.#held.get(store) ?? new Map<string, SignedReceipt>()
    this.#held.set(store, receipts)
    receipts.set(order.cid.toString(), receipt)
    this.#orders.set(order.cid.toString(), order)
    if (order.value.authorization === null) this.#unsecured.add(order.cid.toString())
  }

  #parties({ consumer, provider }: Pick<Claim, 'consumer' | 'provider'>) {
    const plan = this.#providers.get(provider)
    const buyer = this.#consumers.get(consumer)
    return {
      consumerHonest: buyer !== undefined && buyer.cheat === undefined,
      providerHonest: plan !== undefined && plan.cheat === undefined,
      evidenceAgrees: plan?.attestation === 'valid' || plan?.attestation === 'none',
      payableSince: EPOCH + (plan?.payableSince ?? 0),
    }
  }

  #checkTerms(plan: ProviderPlan, order: Order, now: number): void {
    if (!mayServe(plan, order.residency))
      this.fail('residency', `${plan.name} starts its engine outside the policy`)
    const onTime = order.issuedAt <= now + CLOCK_SKEW_MS && order.notAfter > now - CLOCK_SKEW_MS
    const priced = order.inputPrice >= plan.inputPrice && order.outputPrice >= plan.outputPrice
    if (!onTime || !priced || order.creditWindow > plan.creditWindowMax)
      this.fail('provider-terms', `${plan.name} takes an order that is not on its terms`)
    if (order.provider !== peer(plan.name)) this.fail('provider-terms', 'an order for another')
    if (order.authorization === null) {
      if (orderCostMax(order) > plan.unsecuredCredit)
        this.fail('provider-commitment', `${plan.name} serves without an authorization`)
      return
    }
    const row = this.#settlement?.().authorizations.get(order.authorization.toString())
    if (row?.provider !== order.provider || row.consumer !== order.consumer)
      this.fail('provider-commitment', `${plan.name} trusts an authorization for others`)
    if (row.notAfter < now + order.deadlineMs)
      this.fail('provider-commitment', `${plan.name} trusts an authorization that ends too soon`)
  }
}
