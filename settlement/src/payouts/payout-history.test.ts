import { randomUUID } from 'node:crypto'
import type { Signer } from '@hanse/protocol'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { holdBack } from '../earnings/hold-back.ts'
import { accountId } from '../ledger/accounts.ts'
import { type Payments, PaymentsError } from '../stripe/index.ts'
import { openTestStore } from '../testing/database-template.ts'
import {
  addProvider,
  addTenant,
  CENT,
  type TestContext,
  type TestTenant,
  testContext,
} from '../testing/market.ts'
import { bookSession } from '../testing/provider-market.ts'
import { createPacer } from './pacer.ts'
import { runPayouts } from './payout-run.ts'
import { reversePayout } from './reverse-payout.ts'

// Random histories of one provider's money against a model so plain that it can be believed: a few numbers and a list of
// what waits. Stripe is a list of transfers that the steps decide on.

let store: SettlementStore
let tenant: TestTenant
let base: TestContext
beforeAll(async () => {
  store = await openTestStore()
  base = testContext(store, {
    feeBps: 0,
    holdBack: {
      freeCents: 3n,
      stages: [
        { untilDays: 2, untilCents: 20n, shareBps: 5_000, days: 3 },
        { untilDays: 6, untilCents: 60n, shareBps: 2_500, days: 1 },
      ],
    },
  })
  tenant = await addTenant(base, 10_000_000n)
})
afterAll(() => store.close())

const DAY_MS = 86_400_000
const PACER = createPacer({ perSecond: 20, burst: 5 }, { now: () => 0, sleep: async () => {} })

type Step =
  | { readonly kind: 'earn'; readonly pico: bigint }
  | { readonly kind: 'days'; readonly days: number }
  | { readonly kind: 'run'; readonly fate: Fate }
  | {
      readonly kind: 'reverse'
      readonly cents: bigint
      readonly fate: Fate
      readonly twice: boolean
    }
  | { readonly kind: 'reversed-at-stripe'; readonly cents: bigint; readonly early: boolean }
  | { readonly kind: 'owe'; readonly pico: bigint }
  | { readonly kind: 'hold' }
  | { readonly kind: 'release' }
  | { readonly kind: 'stale-failure' }
type Fate = 'done' | 'lost' | 'refused' | 'unavailable'

const fate = fc.constantFrom<Fate>('done', 'lost', 'refused', 'unavailable')
const pico = fc.bigInt(1n, 20n * CENT)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('earn' as const), pico }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('run' as const), fate }) },
  fc.record({ kind: fc.constant('days' as const), days: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    kind: fc.constant('reverse' as const),
    cents: fc.bigInt(1n, 15n),
    fate,
    twice: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('reversed-at-stripe' as const),
    cents: fc.bigInt(1n, 15n),
    early: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('owe' as const), pico: fc.bigInt(1n, 10n * CENT) }),
  fc.record({ kind: fc.constant('hold' as const) }),
  fc.record({ kind: fc.constant('release' as const) }),
  fc.record({ kind: fc.constant('stale-failure' as const) }),
)

interface ListedTransfer {
  readonly operation: string
  readonly cents: bigint
  readonly reversals: { reversal: string; cents: bigint; operation: string | undefined }[]
}

/** Stripe as a list: the fate of the next requests is the step's. */
class ListedStripe {
  readonly transfers = new Map<string, ListedTransfer>()
  fate: Fate = 'done'

  #meet(): void {
    if (this.fate === 'refused') throw new PaymentsError('HANSE_STRIPE_REFUSED', 'refused')
    if (this.fate === 'unavailable') throw new PaymentsError('HANSE_STRIPE_UNAVAILABLE', 'none')
  }

  #answer<Answer>(answer: Answer): Answer {
    if (this.fate === 'lost') throw new PaymentsError('HANSE_STRIPE_UNAVAILABLE', 'none')
    return answer
  }

  async transfer({ operation, cents }: { operation: string; cents: bigint }) {
    this.#meet()
    this.transfers.set(`tr_${operation}`, { operation, cents, reversals: [] })
    return this.#answer({ transfer: `tr_${operation}` })
  }

  async findTransfer({ operation }: { operation: string }) {
    const found = this.transfers.get(`tr_${operation}`)
    return found && { transfer: `tr_${operation}`, cents: found.cents }
  }

  async reverseTransfer(request: { transfer: string; cents: bigint; operation: string }) {
    this.#meet()
    const reversal = this.reverse(request.transfer, request.cents, request.operation)
    if (reversal === undefined) throw new PaymentsError('HANSE_STRIPE_REFUSED', 'nothing left')
    return this.#answer({ reversal })
  }

  async findReversal({ transfer, operation }: { transfer: string; operation: string }) {
    return this.transfers.get(transfer)?.reversals.find((it) => it.operation === operation)
  }

  async accountState() {
    return { payable: true, country: 'DE', closed: false }
  }

  reverse(transfer: string, cents: bigint, operation?: string): string | undefined {
    const found = this.transfers.get(transfer)
    if (found === undefined || cents > found.cents - sumOf(found.reversals)) return undefined
    const reversal = `trr_${transfer}_${found.reversals.length}`
    found.reversals.push({ reversal, cents, operation })
    return reversal
  }

  /** What of these transfers has not come back, cents. */
  kept(transfers: readonly string[]): bigint {
    const found = transfers.flatMap((id) => this.transfers.get(id) ?? [])
    return found.reduce((sum, { cents, reversals }) => sum + cents - sumOf(reversals), 0n)
  }
}

interface ModelPayout {
  readonly cents: bigint
  state: 'open' | 'paid' | 'failed'
  /** Whether Stripe has done it. */
  made: boolean
  readonly reversals: ModelReversal[]
}

interface ModelReversal {
  readonly cents: bigint
  state: 'open' | 'done' | 'failed'
  made: boolean
  /** Who asked for it: what somebody did at Stripe, we know when we are told. */
  readonly by: 'us' | 'stripe'
}

/** What the provider has, in numbers. */
class Model {
  payable = 0n
  debt = 0n
  /** All that was ever earned, and how much of it the schedule has seen. */
  earned = 0n
  seen = 0n
  owed = 0n
  since: number | undefined
  held: { amount: bigint; freeAt: number }[] = []
  payouts: ModelPayout[] = []
  onHold = false

  get money() {
    const open = this.payouts.filter(({ state }) => state === 'open')
    return {
      payable: this.payable,
      heldBack: this.held.reduce((sum, { amount }) => sum + amount, 0n),
      inTransit: sumOf(open) * CENT,
      debt: this.debt,
    }
  }

  /** What becomes payable, what is owed to us, and what waits, before anything is paid. */
  settle(now: number): void {
    for (const { amount } of this.held.filter(({ freeAt }) => freeAt <= now)) this.payable += amount
    this.held = this.held.filter(({ freeAt }) => freeAt > now)
    this.recover()
    if (this.earned === this.seen) return
    this.since ??= now
    const earned = { ageMs: now - this.since, before: this.seen, now: this.earned - this.seen }
    for (const { amount, days } of holdBack(base.terms.holdBack, earned)) {
      const part = amount < this.payable ? amount : this.payable
      this.payable -= part
      if (part > 0n) this.held.push({ amount: part, freeAt: now + days * DAY_MS })
    }
    this.seen = this.earned
  }

  recover(): void {
    const part = this.debt < this.payable ? this.debt : this.payable
    this.debt -= part
    this.payable -= part
  }

  run(now: number, fate: Fate): void {
    this.settle(now)
    const cents = this.payable / CENT
    if (!this.onHold && cents > 0n) {
      this.payable -= cents * CENT
      this.payouts.push({ cents, state: 'open', made: false, reversals: [] })
    }
    for (const payout of this.payouts) {
      if (payout.state !== 'open') continue
      if (payout.made) payout.state = 'paid'
      else if (!this.onHold) this.#ask(payout, fate)
    }
    for (const payout of this.payouts) {
      for (const reversal of payout.reversals) this.askBack(payout, reversal, fate)
    }
  }

  #ask(payout: ModelPayout, fate: Fate): void {
    payout.made = fate === 'done' || fate === 'lost'
    if (fate === 'done') payout.state = 'paid'
    if (fate !== 'refused') return
    payout.state = 'failed'
    this.payable += payout.cents * CENT
  }

  askBack(payout: ModelPayout, reversal: ModelReversal, fate: Fate): void {
    if (reversal.state !== 'open' || reversal.by === 'stripe') return
    if (reversal.made) {
      this.cameBack(reversal)
      return
    }
    if (fate === 'unavailable') return
    const gone = sumOf(payout.reversals.filter(({ made }) => made))
    if (fate === 'refused' || reversal.cents > payout.cents - gone) {
      reversal.state = 'failed'
      return
    }
    reversal.made = true
    if (fate === 'done') this.cameBack(reversal)
  }

  cameBack(reversal: ModelReversal): void {
    reversal.state = 'done'
    this.payable += reversal.cents * CENT
  }

  /** Stripe's news of a transfer: what is done there is done here. */
  hear(payout: ModelPayout): void {
    if (payout.state === 'open') payout.state = 'paid'
    for (const reversal of payout.reversals) {
      if (reversal.made && reversal.state !== 'done') this.cameBack(reversal)
    }
  }
}

/** A provider, its model and its Stripe, with the ids of the model's payouts in their order. */
class History {
  readonly stripe = new ListedStripe()
  readonly model = new Model()
  readonly context = { ...base, payments: this.stripe as unknown as Payments }
  readonly provider: Signer
  #ids: string[] = []
  #keys = 0

  constructor(provider: Signer) {
    this.provider = provider
  }

  async play(one: Step): Promise<void> {
    const { model, stripe, context, provider } = this
    switch (one.kind) {
      case 'earn':
        await bookSession(context, tenant, provider, one.pico)
        model.earned += one.pico
        model.payable += one.pico
        return
      case 'days':
        base.clock.now += one.days * DAY_MS
        return
      case 'run':
        stripe.fate = one.fate
        await runPayouts(context, { pacer: PACER })
        model.run(base.now(), one.fate)
        return this.#number()
      case 'reverse':
        return this.#reverse(one)
      case 'reversed-at-stripe':
        return this.#reverseAtStripe(one)
      case 'owe':
        return this.#owe(one.pico)
      case 'hold':
        await store.holdPayouts({ provider: provider.peerId, reason: 'r', by: 'a', at: base.now() })
        model.onHold = true
        return
      case 'release':
        if (model.onHold) await store.releasePayouts(provider.peerId, 'a', base.now())
        model.onHold = false
        return
      case 'stale-failure':
        for (const [i, { state }] of model.payouts.entries()) {
          if (state !== 'paid') continue
          const id = this.#ids[i] ?? ''
          expect(await store.failPayout(id, 'HANSE_STRIPE_REFUSED', base.now())).toBe(false)
        }
    }
  }

  /** Each run makes one payout at most. */
  async #number(): Promise<void> {
    const query = { after: '', limit: 100, provider: this.provider.peerId }
    const fresh = (await store.payouts(query)).filter(({ id }) => !this.#ids.includes(id))
    this.#ids.push(...fresh.map(({ id }) => id))
    expect(this.#ids).toHaveLength(this.model.payouts.length)
  }

  async #reverse({ cents, fate: next, twice }: Step & { kind: 'reverse' }): Promise<void> {
    const i = this.model.payouts.findLastIndex(({ state }) => state === 'paid')
    const payout = this.model.payouts[i]
    if (payout === undefined) return
    const request = {
      payout: this.#ids[i] ?? '',
      cents,
      reason: 'r',
      by: 'a',
      idempotencyKey: `${this.provider.peerId}/${this.#keys++}`,
      hold: false,
    }
    const known = sumOf(payout.reversals.filter(({ state }) => state === 'done'))
    const open = sumOf(payout.reversals.filter(({ state, by }) => state === 'open' && by === 'us'))
    this.stripe.fate = next
    if (cents > payout.cents - known - open) {
      await expect(reversePayout(this.context, request)).rejects.toMatchObject({
        code: 'HANSE_PAYOUT_STATE',
      })
      return
    }
    const reversal: ModelReversal = { cents, state: 'open', made: false, by: 'us' }
    payout.reversals.push(reversal)
    for (let time = 0; time < (twice ? 2 : 1); time++) {
      await reversePayout(this.context, request)
      this.model.askBack(payout, reversal, next)
    }
  }

  async #reverseAtStripe({ cents, early }: Step & { kind: 'reversed-at-stripe' }): Promise<void> {
    const i = this.model.payouts.findLastIndex(({ made }) => made)
    const payout = this.model.payouts[i]
    const transfer = `tr_${this.#ids[i]}`
    if (payout === undefined || this.stripe.reverse(transfer, cents) === undefined) return
    payout.reversals.push({ cents, state: 'open', made: true, by: 'stripe' })
    if (early) await this.#tell(i)
  }

  /** The webhook, twice. */
  async #tell(i: number): Promise<void> {
    const payout = this.model.payouts[i]
    const transfer = `tr_${this.#ids[i]}`
    const found = this.stripe.transfers.get(transfer)
    if (payout === undefined || found === undefined) return
    const { operation, reversals } = found
    const news = { transfer, operation, reversals: [...reversals], at: base.now() }
    for (let time = 0; time < 2; time++) await store.applyEffects([{ kind: 'transfer', news }])
    this.model.hear(payout)
  }

  async #owe(amount: bigint): Promise<void> {
    const at = base.now()
    const { id } = await store.proposeAdjustment({
      id: `ad-${randomUUID()}`,
      kind: 'adjustment',
      debit: accountId('debt', this.provider.peerId),
      credit: accountId('available', tenant.organization),
      amount,
      reason: 'r',
      movement: null,
      proposedBy: 'a',
      proposedAt: at,
      expiresAt: at + 1,
    })
    await store.approveAdjustment({ id, by: 'b', note: null, at })
    this.model.debt += amount
    this.model.owed += amount
    this.model.recover()
  }

  /** What this provider has got from Stripe, cents: a run pays others too, of earlier histories. */
  get kept(): bigint {
    return this.stripe.kept(this.#ids.map((id) => `tr_${id}`))
  }

  /** Everything that Stripe did is told at last. */
  async end(): Promise<void> {
    for (const i of this.model.payouts.keys()) await this.#tell(i)
    await this.play({ kind: 'release' })
    await this.play({ kind: 'run', fate: 'done' })
  }
}

test('after any history a provider has what the model has, and every cent is somewhere', async () => {
  const played = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), async (steps) => {
      const history = new History(await addProvider(base))
      const { model, provider } = history
      for (const one of steps) {
        base.clock.now += 1000
        await history.play(one)
        played.set(one.kind, (played.get(one.kind) ?? 0) + 1)
        expect(await store.providerMoney(provider.peerId)).toEqual(model.money)
      }
      await history.end()
      const money = await store.providerMoney(provider.peerId)
      expect(money).toEqual(model.money)
      expect(money.inTransit).toBe(0n)
      // What was earned is owed, or with Stripe, or was taken for a debt.
      const { payable, heldBack, debt } = money
      expect(payable + heldBack + history.kept * CENT + model.owed - debt).toBe(model.earned)
      expect((await store.ledgerCheck()).differences).toEqual([])
    }),
    { numRuns: 15 },
  )
  for (const kind of ['reverse', 'reversed-at-stripe', 'owe', 'hold', 'stale-failure']) {
    expect([kind, played.get(kind) ?? 0]).not.toEqual([kind, 0])
  }
}, 240_000)

const sumOf = (parts: readonly { readonly cents: bigint }[]) =>
  parts.reduce((sum, { cents }) => sum + cents, 0n)
