import { randomUUID } from 'node:crypto'
import { ANYWHERE, cidOf, encodeCanonical, type PeerId, picoEuro } from '@hanse/protocol'
import { expect } from 'vitest'
import { releaseExpired } from '../authorizations/release-expired.ts'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { accountId, REVENUE } from '../ledger/accounts.ts'
import { continuePayouts, runPayouts } from '../payouts/payout-run.ts'
import { reversePayout } from '../payouts/reverse-payout.ts'
import type { Claim } from '../receipts/claim.ts'
import { reconcile } from '../reconciliation/reconcile.ts'
import { requestRefund, settleRefunds } from '../refunds/refund.ts'
import { PaymentsError } from '../stripe/index.ts'
import { pollStripeEvents } from '../stripe-events/poll-events.ts'
import { addTenant, CENT, hold, type TestContext } from '../testing/market.ts'
import {
  openProviderMarket,
  type ProviderMarket,
  type TestProvider,
} from '../testing/provider-market.ts'
import { settleTopUps } from '../top-ups/settle-top-ups.ts'
import { topUp } from '../top-ups/top-up.ts'
import { MODEL_FEE_BPS, Model } from './model.ts'
import type { ModelReceipt } from './model-bookings.ts'
import type { Step } from './steps.ts'

/** Shorter than the shortest storm lasts, so that receipts come before and after it. */
const LIFETIME_MS = 36 * 3_600_000
const DAY_MS = 86_400_000
/** A bank debit takes seven days; what comes of it, a little longer. */
const CALM_DAYS = 9
/** More than all refunds and disputes of a history. */
const OTHERS_CENTS = 1_000_000n
/** More than one of anything that any history makes. */
const ALL = 500

/** Of ten requests two fail, of ten webhooks six do not arrive as they should. */
const STORM = {
  rateLimited: 0.04,
  failed: 0.03,
  unavailable: 0.04,
  droppedBefore: 0.03,
  droppedAfter: 0.06,
  webhookLost: 0.15,
  webhookTwice: 0.2,
  webhookReordered: 0.2,
  webhookDelayed: 0.1,
  webhookStale: 0.1,
  delayMs: 40 * 3_600_000,
} as const

/** Settlement and Stripe's double on one side, the naive books on the other. */
export class World implements AsyncDisposable {
  readonly #market: ProviderMarket
  readonly #providers: readonly TestProvider[]
  readonly #model = new Model()
  /** What was seen to happen: a history in which nothing happens proves nothing. */
  readonly #seen: Set<string>

  private constructor(
    market: ProviderMarket,
    providers: readonly TestProvider[],
    seen: Set<string>,
  ) {
    this.#market = market
    this.#providers = providers
    this.#seen = seen
  }

  /** @param store an empty one */
  static async open(store: SettlementStore, seen: Set<string>): Promise<World> {
    const market = await openProviderMarket(store, { feeBps: MODEL_FEE_BPS })
    const providers = [await market.addProvider(), await market.addProvider()]
    const world = new World(market, providers, seen)
    await world.#payAsAnother()
    return world
  }

  /** Money of others, so that Stripe never has less than it is to give back: then refunds wait, and so would the books. */
  async #payAsAnother(): Promise<void> {
    const context = this.#context
    const { organization } = await addTenant(context, 0n)
    const paymentMethod = 'pm_card_bypassPending'
    await topUp(context, {
      organization,
      cents: OTHERS_CENTS,
      paymentMethod,
      idempotencyKey: 'others',
    })
    this.#model.others(OTHERS_CENTS * CENT)
  }

  async play(step: Step): Promise<void> {
    const { double } = this.#market
    await double.advance(1000)
    switch (step.kind) {
      case 'charge':
        return this.#charge(step)
      case 'hold':
        return this.#hold(step)
      case 'receipts':
        return this.#receipts(step)
      case 'release':
        return this.#release()
      case 'refund':
        return this.#refund(step)
      case 'dispute':
        return this.#dispute(step)
      case 'decide':
        return this.#decide(step)
      case 'payouts':
        return this.#attempt('payouts', () => runPayouts(this.#context, this.#options))
      case 'reverse':
        return this.#reverse(step)
      case 'capability':
        return this.#capability(step)
      case 'goodwill':
        return this.#goodwill(step)
      case 'webhooks':
        await double.deliverWebhooks()
        return
      case 'jobs':
        return this.#jobs()
      case 'days':
        return double.advance(step.days * DAY_MS)
      case 'storm':
        return double.storm({ seed: step.seed, rates: STORM })
      case 'calm':
        return this.calm()
    }
  }

  /** Nobody ever has less than nothing, or money while he owes. */
  async checkNothingNegative(): Promise<void> {
    const { available, held, debt } = await this.#funds()
    expect([available < 0n, held < 0n, debt < 0n, available > 0n && debt > 0n]).toEqual(
      Array.from({ length: 4 }, () => false),
    )
    if (debt > 0n) this.#seen.add('debt')
    for (const { peerId } of this.#providers) {
      const money = Object.values(await this.#context.store.providerMoney(peerId))
      expect(money.filter((amount) => amount < 0n)).toEqual([])
    }
  }

  /** The storm ends, what is due happens, and what was missed is found: then all books must say the same. */
  async calm(): Promise<void> {
    const market = this.#market
    market.double.storm()
    await market.deliver()
    await this.#jobs()
    for (let day = 0; day < CALM_DAYS; day++) {
      await market.double.advance(DAY_MS)
      await market.deliver()
    }
    await this.#jobs()
    await market.deliver()
    await this.#checkBooks()
  }

  async #checkBooks(): Promise<void> {
    const { context, double } = this.#market
    const { store, payments } = context
    const movements = []
    for await (const movement of payments.movements({ sinceMs: 0 })) movements.push(movement)
    const accounts = this.#providers.map(({ account }) => account)
    const providers = []
    for (const { peerId } of this.#providers) {
      const { payable, heldBack, inTransit, debt } = await store.providerMoney(peerId)
      providers.push(payable + heldBack + inTransit - debt)
    }
    const report = await reconcile(context, { whole: true })
    expect(report.differences).toEqual([])
    expect((await store.ledgerCheck()).differences).toEqual([])
    expect({
      ...(await this.#funds()),
      providers,
      revenue: await store.revenue(),
      stripeFees: -(await this.#balanceOf('stripe_fees/platform')),
      clearing: await this.#balanceOf('stripe_clearing/platform'),
    }).toEqual(this.#model.books(movements, accounts))
    const { availableCents, pendingCents } = await payments.balance()
    expect(await this.#balanceOf('stripe_clearing/platform')).toBe(
      -(availableCents + pendingCents) * CENT,
    )
    if (double.requests.length === 0) throw new Error('Stripe was not asked')
  }

  async #charge({ cents, card }: Step & { kind: 'charge' }): Promise<void> {
    await this.#attempt('paid', () =>
      topUp(this.#context, {
        organization: this.#organization,
        cents,
        paymentMethod: card,
        idempotencyKey: randomUUID(),
      }),
    )
  }

  async #hold({ provider, cents }: Step & { kind: 'hold' }): Promise<void> {
    const { tenant } = this.#market
    const peer = this.#providers[provider]
    if (peer === undefined) return
    const { available, debt } = await this.#funds()
    const limit = cents * CENT
    const asked = hold(this.#context, tenant, peer.signer, limit, LIFETIME_MS)
    if (debt > 0n) {
      await expect(asked).rejects.toMatchObject({ code: 'HANSE_ORGANIZATION_IN_DEBT' })
    } else if (limit > available) {
      await expect(asked).rejects.toMatchObject({ code: 'HANSE_BALANCE_INSUFFICIENT' })
    } else {
      const cid = cidOf((await asked).bytes).toString()
      this.#model.hold(cid, provider, limit, this.#context.now() + LIFETIME_MS)
    }
  }

  async #receipts({ batch, twice }: Step & { kind: 'receipts' }): Promise<void> {
    const { store, signer } = this.#context
    const at = this.#context.now()
    const receipts = batch.map((item): ModelReceipt => {
      const authorization = this.#model.authorizations[item.authorization]
      const amount = BigInt(item.rate) * BigInt(item.sequence + 1)
      const session = `${this.#organization}/${item.authorization}/${item.session}`
      return {
        authorization: authorization?.cid ?? 'none',
        session,
        sequence: item.sequence,
        receipt: cidOf(encodeCanonical(`${session}/${item.sequence}/${amount}`)).toString(),
        amount,
      }
    })
    const policy = { settlement: signer.peerId, trustedAttestors: [signer.peerId] }
    const claims = receipts.map((given) => this.#claimOf(given, at))
    for (let round = 0; round < (twice ? 2 : 1); round++) {
      const bookings = await store.bookReceipts(claims, policy, at)
      const got = bookings.map((booking) => ('code' in booking ? booking.code : booking.status))
      expect(got).toEqual(receipts.map((given) => this.#model.book(given, at)))
      for (const outcome of got) this.#seen.add(outcome)
    }
  }

  #claimOf(given: ModelReceipt, at: number): Claim {
    const { authorizations } = this.#model
    const provider = authorizations.find(({ cid }) => cid === given.authorization)?.provider ?? 0
    return {
      ...given,
      sequence: BigInt(given.sequence),
      amount: picoEuro(given.amount),
      consumer: this.#market.tenant.consumer.peerId,
      provider: this.#providers[provider]?.peerId as PeerId,
      model: 'a/b',
      residency: ANYWHERE,
      acceptedAt: at,
      inputTokens: 0n,
      cachedInputTokens: 0n,
      outputTokens: 0n,
      final: null,
      attestation: null,
      evidence: {
        signedOrder: new Uint8Array(1),
        signedAcceptance: new Uint8Array(1),
        signedReceipt: new Uint8Array(1),
      },
      statement: null,
    }
  }

  async #release(): Promise<void> {
    const { holdGraceMs, receiptGraceMs } = this.#context.terms
    await this.#market.double.advance(LIFETIME_MS + holdGraceMs)
    await releaseExpired(this.#context)
    this.#model.release(this.#context.now(), holdGraceMs, receiptGraceMs)
  }

  async #refund({ which, percent }: Step & { kind: 'refund' }): Promise<void> {
    const organization = this.#organization
    const topUps = await this.#context.store.topUps({ organization, limit: ALL })
    const paid = topUps[which % Math.max(topUps.length, 1)]
    if (paid === undefined) return
    const cents = (paid.cents * BigInt(percent) + 99n) / 100n
    const asked = { organization, topUp: paid.id, cents, idempotencyKey: randomUUID() }
    await this.#attempt('refunded', () => requestRefund(this.#context, asked))
  }

  async #dispute({ which }: Step & { kind: 'dispute' }): Promise<void> {
    // The first is not ours: see `#payAsAnother`.
    const charges = this.#eventObjects('charge.succeeded').slice(1)
    const charge = charges[which % Math.max(charges.length, 1)]
    if (charge === undefined) return
    // Contested already, or given back as a whole: the double refuses what no bank would take.
    await this.#market.double.disputeCharge(charge).then(
      () => this.#seen.add('disputed'),
      () => undefined,
    )
  }

  async #decide({ which, outcome }: Step & { kind: 'decide' }): Promise<void> {
    const disputes = this.#eventObjects('charge.dispute.created')
    const dispute = disputes[which % Math.max(disputes.length, 1)]
    if (dispute === undefined) return
    await this.#market.double.decideDispute(dispute, outcome).then(
      () => this.#seen.add(outcome),
      () => undefined,
    )
  }

  async #reverse({ which, percent }: Step & { kind: 'reverse' }): Promise<void> {
    const payouts = (await this.#context.store.payouts({ after: '', limit: ALL })).filter(
      ({ state }) => state === 'paid',
    )
    const paid = payouts[which % Math.max(payouts.length, 1)]
    if (paid === undefined) return
    const cents = (paid.cents * BigInt(percent) + 99n) / 100n
    await this.#attempt('reversed', () =>
      reversePayout(this.#context, {
        payout: paid.id,
        cents,
        reason: 'a history',
        by: 'anna',
        idempotencyKey: randomUUID(),
        hold: false,
      }),
    )
  }

  async #capability({ provider, active }: Step & { kind: 'capability' }): Promise<void> {
    const { account } = this.#providers[provider] ?? {}
    if (account === undefined) return
    await this.#market.double.setTransfers(account, active ? 'active' : 'restricted')
  }

  /** The platform gives something back out of its fees: two operators agree, or there is not enough. */
  async #goodwill({ cents }: Step & { kind: 'goodwill' }): Promise<void> {
    const { store } = this.#context
    const at = this.#context.now()
    const id = `ad-${randomUUID()}`
    const amount = picoEuro(cents * CENT)
    await store.proposeAdjustment({
      id,
      kind: 'adjustment',
      debit: REVENUE,
      credit: accountId('available', this.#organization),
      amount,
      reason: 'goodwill',
      movement: null,
      proposedBy: 'anna',
      proposedAt: at,
      expiresAt: at + DAY_MS,
    })
    const enough = (await store.revenue()) >= amount
    const asked = store.approveAdjustment({ id, by: 'bert', note: null, at })
    if (enough) {
      await asked
      this.#model.goodwill(amount)
      this.#seen.add('goodwill')
    } else {
      await expect(asked).rejects.toMatchObject({ code: 'HANSE_BALANCE_INSUFFICIENT' })
    }
  }

  /** What the service does by itself every few minutes. */
  async #jobs(): Promise<void> {
    await this.#attempt('polled', () => pollStripeEvents(this.#context))
    await this.#attempt('settled', () => settleTopUps(this.#context))
    await this.#attempt('settled', () => settleRefunds(this.#context))
    await this.#attempt('settled', () => continuePayouts(this.#context, this.#options))
  }

  /** Refusals and lost answers are part of the history; faults of ours are not. */
  async #attempt(sight: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
      this.#seen.add(sight)
    } catch (error) {
      const expected = error instanceof SettlementError || error instanceof PaymentsError
      if (!expected || error.code === 'HANSE_INTERNAL') throw error
      this.#seen.add(error.code)
    }
  }

  async #funds() {
    const { store } = this.#context
    const debt = await store.debt(this.#organization)
    return { ...(await store.balance(this.#organization)), debt }
  }

  /** Credits less debits, from the entries themselves. */
  async #balanceOf(account: string): Promise<bigint> {
    const entries = await this.#context.store.ledgerEntries({ limit: 10_000, account })
    return entries.reduce(
      (sum, { credit, amount }) => (credit === account ? sum + amount : sum - amount),
      0n,
    )
  }

  #eventObjects(type: string): string[] {
    const events = this.#market.double.events() as {
      type: string
      data: { object: { id: string } }
    }[]
    return events.filter((event) => event.type === type).map(({ data }) => data.object.id)
  }

  get #context(): TestContext {
    return this.#market.context as TestContext
  }

  get #organization(): string {
    return this.#market.tenant.organization
  }

  get #options() {
    return { pacer: this.#market.pacer }
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#market[Symbol.asyncDispose]()
  }
}
