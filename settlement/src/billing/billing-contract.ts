import { randomUUID } from 'node:crypto'
import { PICO_PER_CENT } from '@hanse/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { releaseExpired } from '../authorizations/release-expired.ts'
import type { SettlementStore } from '../db/store.ts'
import type { DisputeNews } from '../disputes/dispute-store.ts'
import type { InvoiceNews } from '../plans/invoice-store.ts'
import type { RefundNews } from '../refunds/refund-store.ts'
import type { StripeEffect } from '../stripe-events/effect.ts'
import { addProvider, addTenant, hold, type TestContext, testContext } from '../testing/market.ts'
import type { TopUpOutcome } from '../top-ups/top-up-store.ts'

// Random histories of money in and back, told by news that come late, twice and in any order, against what Stripe would
// say at the end.

/** What Stripe asks for a dispute (stripe.com/pricing): cents. */
const DISPUTE_FEE = 2_000n

type Step =
  | { readonly kind: 'pay'; readonly cents: bigint; readonly vat: number; readonly later: boolean }
  | { readonly kind: 'settle'; readonly which: number; readonly paid: boolean }
  | { readonly kind: 'refund'; readonly which: number; readonly part: number; readonly by: By }
  | { readonly kind: 'refund-ends'; readonly which: number; readonly good: boolean }
  | { readonly kind: 'dispute'; readonly which: number; readonly part: number }
  | { readonly kind: 'dispute-moves'; readonly which: number; readonly won: boolean }
  | { readonly kind: 'plan'; readonly cents: bigint; readonly credit: bigint }
  | { readonly kind: 'spend'; readonly cents: bigint }
  | { readonly kind: 'expire' }
  | { readonly kind: 'tell'; readonly which: number }
  | { readonly kind: 'tell-last' }
type By = 'us' | 'refused' | 'somebody'

const which = fc.nat(5)
const part = fc.integer({ min: 1, max: 100 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pay' as const),
      cents: fc.bigInt(100n, 30_000n),
      vat: fc.integer({ min: 0, max: 27 }),
      later: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant('settle' as const), which, paid: fc.boolean() }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('refund' as const),
      which,
      part,
      by: fc.constantFrom<By>('us', 'us', 'refused', 'somebody'),
    }),
  },
  fc.record({ kind: fc.constant('refund-ends' as const), which, good: fc.boolean() }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('dispute' as const), which, part }) },
  fc.record({ kind: fc.constant('dispute-moves' as const), which, won: fc.boolean() }),
  fc.record({
    kind: fc.constant('plan' as const),
    cents: fc.bigInt(1n, 9_000n),
    credit: fc.bigInt(0n, 12_000n),
  }),
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('spend' as const), cents: fc.bigInt(1n, 20_000n) }),
  },
  fc.record({ kind: fc.constant('expire' as const) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tell' as const), which: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tell-last' as const) }) },
)

/** So that most steps have something to be about. */
const OPENING: readonly Step[] = [
  { kind: 'pay', cents: 11_900n, vat: 19, later: false },
  { kind: 'tell', which: 0 },
  { kind: 'pay', cents: 999n, vat: 7, later: true },
  { kind: 'spend', cents: 8_000n },
]

/** A history in which everything happens that random ones may miss. */
const EXAMPLE: Step[] = [
  { kind: 'refund', which: 0, part: 10, by: 'us' },
  { kind: 'refund', which: 0, part: 5, by: 'refused' },
  { kind: 'refund', which: 0, part: 50, by: 'us' },
  { kind: 'refund', which: 0, part: 1, by: 'somebody' },
  { kind: 'dispute', which: 0, part: 50 },
  { kind: 'tell-last' },
  { kind: 'spend', cents: 1n },
  { kind: 'dispute-moves', which: 0, won: false },
  { kind: 'dispute-moves', which: 0, won: true },
  { kind: 'tell-last' },
]
/** Of older news, so many are told again at the end. */
const OLD_NEWS_MAX = 40

interface Payment extends TopUpOutcome {
  readonly vatCents: bigint
  gone: bigint
}

/** What Stripe knows, and the news of it that are on their way. */
class Stripe {
  readonly payments: Payment[] = []
  readonly refunds: RefundNews[] = []
  readonly disputes: DisputeNews[] = []
  readonly news: StripeEffect[] = []
  readonly invoices: InvoiceNews[] = []

  say(effect: StripeEffect): void {
    this.news.push(structuredClone(effect))
  }

  /** How everything stands, once more. */
  sayAll(): void {
    for (const outcome of this.payments) this.say({ kind: 'top-up', outcome })
    for (const news of this.refunds) this.say({ kind: 'refund', news })
    for (const news of this.invoices) this.say({ kind: 'invoice', news })
    for (const news of this.disputes) this.say({ kind: 'dispute', news })
  }

  /** Cents on the balance that these payments left. */
  get balance(): bigint {
    const paid = this.payments.filter(({ status }) => status === 'succeeded')
    return (
      paid.reduce((sum, { cents, feeCents = 0n }) => sum + cents - feeCents, 0n) +
      this.invoices.reduce((sum, { cents, feeCents }) => sum + cents - (feeCents ?? 0n), 0n) -
      this.refunds.filter(isOut).reduce((sum, { cents }) => sum + cents, 0n) -
      this.disputes.reduce((sum, one) => sum + one.withdrawnCents + one.feeCents, 0n)
    )
  }
}

const isOut = ({ status }: RefundNews) => status === 'pending' || status === 'succeeded'

interface World {
  readonly context: TestContext
  readonly stripe: Stripe
  readonly tenant: Awaited<ReturnType<typeof addTenant>>
  readonly provider: Awaited<ReturnType<typeof addProvider>>
}

/** What every store keeps of money that comes and goes. `open` gives the same database, perhaps on another connection. */
export function billingContract(
  name: string,
  open: () => Promise<SettlementStore>,
  /** With `endOnFailure` a failing history is told as it is: on a server, making it smaller takes minutes. */
  runs: { readonly numRuns: number; readonly endOnFailure?: boolean },
): void {
  test(`${name}: after any history of payments, refunds, disputes and plans the books are as Stripe’s`, async () => {
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 15, maxLength: 40, size: 'max' }),
        async (steps) => {
          const context = testContext(await open())
          const { store } = context
          const tenant = await addTenant(context, 0n)
          const world = {
            context,
            tenant,
            provider: await addProvider(context),
            stripe: new Stripe(),
          }
          const [last] = await store.ledgerEntries({ limit: 1 })
          for (const one of [...OPENING, ...steps]) {
            context.clock.now += 1000
            await play(one, world, seen)
            await checkFunds(world, seen)
          }
          const old = shuffled(world.stripe.news.splice(0)).slice(0, OLD_NEWS_MAX)
          world.stripe.sayAll()
          // Two processes have heard of it all, and tell it at once.
          const other = await open()
          const told = shuffled([...old, ...world.stripe.news])
          await Promise.all([
            inTurn(told, (effect) => store.applyEffects([effect])),
            inTurn(told.toReversed(), (effect) => other.applyEffects([effect])),
          ])
          await checkFunds(world, seen)
          const since = last?.id ?? 0n
          expect(await changeOf(store, 'stripe_clearing/platform', since)).toBe(
            -world.stripe.balance * PICO_PER_CENT,
          )
          await checkVat(world, await changeOf(store, 'vat/platform', since))
          expect((await store.ledgerCheck()).differences).toEqual([])
        },
      ),
      { ...runs, examples: [[EXAMPLE]] },
    )
    // A history in which nothing happens proves nothing.
    for (const sight of ['debt', 'refunded', 'refused', 'adopted', 'won', 'frozen', 'short']) {
      expect([...seen]).toContain(sight)
    }
  }, 600_000)
}

/** Nothing is negative, and nobody has money while he owes. */
async function checkFunds({ context, tenant }: World, seen: Set<string>): Promise<void> {
  const { available, held } = await context.store.balance(tenant.organization)
  const debt = await context.store.debt(tenant.organization)
  if (debt > 0n) seen.add('debt')
  expect([available >= 0n, held >= 0n, debt >= 0n]).toEqual([true, true, true])
  expect(available > 0n && debt > 0n).toBe(false)
}

/**
 * Of each payment the tax on what stayed. A part that goes back takes whole cents along: it is right to one cent for each
 * part, and exact where all has gone. Where parts have come back, whose news may have been late, it is what was paid at most.
 */
async function checkVat({ stripe }: World, kept: bigint): Promise<void> {
  let [least, most] = [0n, 0n]
  for (const { status, vatCents, cents, gone, paymentIntent } of stripe.payments) {
    if (status !== 'succeeded') continue
    const mine = (back: { readonly paymentIntent: string }) => back.paymentIntent === paymentIntent
    const [refunds, disputes] = [stripe.refunds.filter(mine), stripe.disputes.filter(mine)]
    const returned = !refunds.every(isOut) || disputes.some((one) => one.status === 'won')
    const due = vatCents - (vatCents * gone) / cents
    const parts = gone === cents ? 0n : BigInt(refunds.length + disputes.length)
    least += returned ? 0n : due - parts
    most += returned ? vatCents : due + parts
  }
  expect(kept >= least * PICO_PER_CENT && kept <= most * PICO_PER_CENT).toBe(true)
}

async function play(one: Step, world: World, seen: Set<string>): Promise<void> {
  const { context, stripe } = world
  switch (one.kind) {
    case 'pay':
      return pay(one, world)
    case 'settle': {
      const index = one.which % stripe.payments.length
      const payment = stripe.payments[index]
      if (payment?.status !== 'processing') return
      replace(stripe.payments, index, {
        ...payment,
        status: one.paid ? 'succeeded' : 'failed',
        feeCents: one.paid ? 35n : undefined,
      })
      return stripe.sayAll()
    }
    case 'refund':
      return refund(one, world, seen)
    case 'refund-ends': {
      const index = one.which % stripe.refunds.length
      const made = stripe.refunds[index]
      if (made === undefined || !isOut(made)) return
      const payment = stripe.payments.find(
        ({ paymentIntent }) => paymentIntent === made.paymentIntent,
      )
      if (!one.good && payment !== undefined) payment.gone -= made.cents
      const status = one.good ? 'succeeded' : 'failed'
      replace(stripe.refunds, index, { ...made, status })
      return stripe.sayAll()
    }
    case 'dispute':
      return dispute(one, world)
    case 'dispute-moves':
      return disputeMoves(one, world, seen)
    case 'plan':
      return plan(one, world)
    case 'spend':
      return spend(one, world, seen)
    case 'expire':
      context.clock.now += 100_000 + context.terms.holdGraceMs
      await releaseExpired(context)
      return
    case 'tell': {
      const effect = stripe.news[one.which % Math.max(stripe.news.length, 1)]
      if (effect !== undefined) await context.store.applyEffects([effect])
      return
    }
    case 'tell-last': {
      const effect = stripe.news.at(-1)
      if (effect !== undefined) await context.store.applyEffects([effect])
    }
  }
}

async function pay({ cents, vat, later }: Step & { kind: 'pay' }, world: World): Promise<void> {
  const { context, tenant, stripe } = world
  const id = `tu-${randomUUID()}`
  const at = context.now()
  const vatCents = (cents * BigInt(vat)) / BigInt(100 + vat)
  const { organization } = tenant
  await context.store.beginTopUp({
    id,
    organization,
    idempotencyKey: id,
    requestDigest: '',
    cents,
    vatCents,
    at,
  })
  const status = later ? 'processing' : 'succeeded'
  const paymentIntent = `pi_${id}`
  const outcome = { id, paymentIntent, cents, status, at } as const
  stripe.payments.push({
    ...outcome,
    vatCents,
    gone: 0n,
    ...(!later && { feeCents: 25n }),
  })
  // The fee is often known a moment later.
  stripe.say({ kind: 'top-up', outcome })
  stripe.sayAll()
}

async function refund(
  { which: index, part: percent, by }: Step & { kind: 'refund' },
  world: World,
  seen: Set<string>,
): Promise<void> {
  const { context, tenant, stripe } = world
  const payment = stripe.payments[index % stripe.payments.length]
  if (payment?.status !== 'succeeded') return
  const cents = share(payment.cents, percent)
  const id = `re-${randomUUID()}`
  const news: RefundNews = {
    refund: `stripe-${id}`,
    operation: by === 'somebody' ? null : id,
    paymentIntent: payment.paymentIntent,
    cents,
    status: 'pending',
    failure: null,
    at: context.now(),
  }
  if (by === 'somebody') {
    if (payment.gone + cents > payment.cents) return
    // Stripe allows it, and what is set aside here for another refund does not stop it.
    const planned = await plannedOf(world, payment.paymentIntent)
    if (payment.gone + planned + cents > payment.cents) return
    seen.add('adopted')
  } else {
    const { organization } = tenant
    const asked = { id, organization, idempotencyKey: id, requestDigest: '', topUp: payment.id }
    const begun = await context.store
      .beginRefund({ ...asked, cents, at: context.now() })
      .catch((error: { code?: string }) => String(error.code))
    if (typeof begun === 'string') {
      expect(['HANSE_NOT_FOUND', 'HANSE_REFUND_LIMIT', 'HANSE_BALANCE_INSUFFICIENT']).toContain(
        begun,
      )
      seen.add('short')
      return
    }
    if (by === 'refused' || payment.gone + cents > payment.cents) {
      await context.store.refuseRefund(id, 'refused', context.now())
      seen.add('refused')
      return
    }
    seen.add('refunded')
  }
  payment.gone += cents
  stripe.refunds.push(news)
  stripe.sayAll()
}

/** Cents of refunds that the books have set aside for a payment and Stripe has not been asked for. */
async function plannedOf({ context, tenant }: World, paymentIntent: string): Promise<bigint> {
  const { organization } = tenant
  return (await context.store.refunds({ organization, limit: 100 }))
    .filter((row) => row.state === 'requested' && row.paymentIntent === paymentIntent)
    .reduce((sum, { cents }) => sum + cents, 0n)
}

async function dispute(
  { which: index, part: percent }: Step & { kind: 'dispute' },
  { context, stripe }: World,
): Promise<void> {
  const payment = stripe.payments[index % stripe.payments.length]
  if (payment?.status !== 'succeeded') return
  const cents = share(payment.cents - payment.gone, percent)
  if (cents <= 0n) return
  payment.gone += cents
  stripe.disputes.push({
    id: `dp_${randomUUID()}`,
    paymentIntent: payment.paymentIntent,
    cents,
    status: 'needs-response',
    reason: 'fraudulent',
    withdrawnCents: cents,
    feeCents: DISPUTE_FEE,
    evidenceDueMs: null,
    createdMs: context.now(),
    at: context.now(),
  })
  stripe.sayAll()
}

async function disputeMoves(
  { which: any, won }: Step & { kind: 'dispute-moves' },
  { stripe }: World,
  seen: Set<string>,
): Promise<void> {
  const index = any % stripe.disputes.length
  const open = stripe.disputes[index]
  if (open === undefined) return
  if (open.status === 'needs-response') {
    replace(stripe.disputes, index, { ...open, status: 'under-review' })
  } else if (open.status === 'under-review' || (open.status === 'lost' && won)) {
    const payment = stripe.payments.find(
      ({ paymentIntent }) => paymentIntent === open.paymentIntent,
    )
    if (won && payment !== undefined) payment.gone -= open.withdrawnCents
    if (won) seen.add('won')
    replace(stripe.disputes, index, {
      ...open,
      status: won ? 'won' : 'lost',
      withdrawnCents: won ? 0n : open.withdrawnCents,
    })
  }
  stripe.sayAll()
}

async function plan(
  { cents, credit }: Step & { kind: 'plan' },
  { context, stripe, tenant }: World,
): Promise<void> {
  const at = context.now()
  const id = `in_${randomUUID()}`
  const news = {
    invoice: id,
    organization: tenant.organization,
    subscription: null,
    number: null,
    cents,
    vatCents: 0n,
    creditCents: credit,
    paymentIntent: `pi_${id}`,
    charge: null,
    feeCents: 30n,
    periodStart: at,
    periodEnd: at + 1,
    at,
  }
  stripe.invoices.push(news)
  stripe.say({ kind: 'invoice', news: { ...news, feeCents: null } })
}

async function spend(
  { cents }: Step & { kind: 'spend' },
  { context, tenant, provider }: World,
  seen: Set<string>,
): Promise<void> {
  const { organization } = tenant
  const debt = await context.store.debt(organization)
  const { available } = await context.store.balance(organization)
  const limit = cents * PICO_PER_CENT
  const asked = hold(context, tenant, provider, limit, 100_000)
  if (debt > 0n) {
    seen.add('frozen')
    await expect(asked).rejects.toMatchObject({ code: 'HANSE_ORGANIZATION_IN_DEBT' })
  } else if (limit > available) {
    await expect(asked).rejects.toMatchObject({ code: 'HANSE_BALANCE_INSUFFICIENT' })
  } else {
    await asked
  }
}

/** Pico-euro by which an account changed since an entry; above zero where we owe more. */
async function changeOf(store: SettlementStore, account: string, since: bigint): Promise<bigint> {
  let sum = 0n
  for (const entry of await store.ledgerEntries({ limit: 10_000, account })) {
    if (entry.id <= since) break
    if (entry.credit === account) sum += entry.amount
    else sum -= entry.amount
  }
  return sum
}

const share = (cents: bigint, percent: number) => (cents * BigInt(percent) + 99n) / 100n

function replace<Item>(list: Item[], index: number, item: Item): void {
  list[index] = item
}

async function inTurn<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  for (const item of items) await work(item)
}

/** The same order each time, and not the one of the history. */
function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item, i) => ({ item, key: (i * 7919) % 104_729 }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
