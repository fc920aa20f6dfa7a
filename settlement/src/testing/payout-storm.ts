import { createPacer, type Pacer } from '../payouts/pacer.ts'
import { continuePayouts, runPayouts } from '../payouts/payout-run.ts'
import type { PayoutRow } from '../payouts/payout-store.ts'
import { reversePayout } from '../payouts/reverse-payout.ts'
import { type ReconciliationReport, reconcile } from '../reconciliation/reconcile.ts'
import { contractFaults } from '../stripe/double/check-contract.ts'
import { PaymentsError } from '../stripe/index.ts'
import { pollStripeEvents } from '../stripe-events/poll-events.ts'
import { CENT } from './market.ts'
import type { ProviderMarket, TestProvider } from './provider-market.ts'

export interface StormPlan {
  readonly seed: number
  readonly providers: number
  readonly days: number
}

export interface Aftermath {
  readonly report: ReconciliationReport
  readonly payouts: readonly PayoutRow[]
  /** What providers earned, and where it is: owed to them, waiting, or at their accounts; pico-euro. */
  readonly earned: bigint
  readonly found: bigint
  /** What in requests and answers was not as Stripe's contract has it. */
  readonly contractFaults: readonly string[]
  /** How often each thing happened. */
  readonly happened: ReadonlyMap<string, number>
}

const DAY_MS = 86_400_000
const RATES = {
  rateLimited: 0.06,
  failed: 0.03,
  unavailable: 0.05,
  droppedBefore: 0.04,
  droppedAfter: 0.06,
  hung: 0.005,
  webhookLost: 0.1,
  webhookTwice: 0.2,
  webhookReordered: 0.2,
  webhookDelayed: 0.2,
  webhookStale: 0.1,
}

/**
 * Days of earning and paying while everything goes wrong at Stripe that can: requests fail before and after their effect,
 * news is lost, doubled, late and out of order, accounts are restricted and taken away in the middle of a run, people
 * reverse transfers by hand. Then the weather clears, the dust settles, and the three sides are compared.
 */
export async function payoutStorm(market: ProviderMarket, plan: StormPlan): Promise<Aftermath> {
  const storm = new PayoutStorm(market, plan)
  for (let day = 0; day < plan.days; day++) await storm.day(day)
  return storm.aftermath()
}

class PayoutStorm {
  readonly #market: ProviderMarket
  readonly #plan: StormPlan
  readonly #happened = new Map<string, number>()
  readonly #providers: TestProvider[] = []
  #earned = 0n
  #opened = false

  constructor(market: ProviderMarket, plan: StormPlan) {
    this.#market = market
    this.#plan = plan
  }

  async day(day: number): Promise<void> {
    const { double, context } = this.#market
    await this.#open()
    for (const [i, provider] of this.#providers.entries()) {
      const amount = BigInt(40 + ((i * 7 + day * 13) % 60)) * CENT + 1n
      await this.#market.earn(provider, amount)
      this.#earned += amount
    }
    double.storm({ seed: this.#plan.seed + day, rates: RATES })
    await runPayouts(context, { pacer: this.#inMidRun(day) })
    await this.#someoneReverses(day)
    await this.#try('deliver', () => this.#market.deliver())
    await double.advance(DAY_MS / 2)
    await this.#try('poll', () => pollStripeEvents(context))
    await continuePayouts(context, { pacer: this.#market.pacer })
    await double.advance(DAY_MS / 2)
    double.storm()
  }

  async #open(): Promise<void> {
    if (this.#opened) return
    this.#opened = true
    await this.#market.charge(90_000n)
    for (let i = 0; i < this.#plan.providers; i++) {
      this.#providers.push(await this.#market.addProvider())
    }
  }

  /** While payouts are under way, one account is restricted, and another's owner takes it away. */
  #inMidRun(day: number): Pacer {
    const { double } = this.#market
    const pacer = createPacer({ perSecond: 20, burst: 5 }, { now: () => 0, sleep: async () => {} })
    const restricted = this.#providers[day % this.#providers.length]
    const leaves = this.#providers[this.#providers.length - 1]
    let turns = 0
    return {
      turn: async (signal) => {
        turns++
        if (turns === 3 && restricted !== undefined && restricted !== leaves) {
          await double.setTransfers(restricted.account, day % 2 === 0 ? 'restricted' : 'active')
          this.#count('restricted')
        }
        if (turns === 2 && day === 1 && leaves !== undefined) {
          await double.deauthorize(leaves.account)
          this.#count('deauthorized')
        }
        await pacer.turn(signal)
      },
    }
  }

  /** An operator, and somebody at Stripe, while the provider's own payouts to its bank are under way. */
  async #someoneReverses(day: number): Promise<void> {
    const { context } = this.#market
    const paid = (await this.#payouts()).filter(({ state }) => state === 'paid')
    const [ours, theirs] = [paid[day % paid.length], paid[(day + 3) % paid.length]]
    if (ours !== undefined) {
      await this.#try('reversed', () =>
        reversePayout(context, {
          payout: ours.id,
          cents: 5n,
          reason: 'the storm',
          by: 'anna',
          idempotencyKey: `${ours.id}/${day}`,
          hold: false,
        }),
      )
    }
    if (theirs?.transfer) {
      const by = { transfer: theirs.transfer, cents: 3n, operation: `by-hand-${theirs.id}-${day}` }
      await this.#try('reversed-at-stripe', () => context.payments.reverseTransfer(by))
    }
  }

  /** The weather is fair again, and days pass: answers are looked up, keys forgotten, late news arrives. */
  async aftermath(): Promise<Aftermath> {
    const { double, context, pacer } = this.#market
    for (let day = 0; day < 3; day++) {
      await double.advance(DAY_MS)
      await this.#market.deliver()
      await pollStripeEvents(context)
      await continuePayouts(context, { pacer })
    }
    await runPayouts(context, { pacer })
    await this.#market.deliver()
    await pollStripeEvents(context)
    const report = await reconcile(context, { whole: true })
    return {
      report,
      payouts: await this.#payouts(),
      earned: this.#earned,
      found: await this.#found(),
      contractFaults: await contractFaults(double.requests),
      happened: this.#happened,
    }
  }

  async #payouts(): Promise<PayoutRow[]> {
    const all: PayoutRow[] = []
    for (let after = ''; ; ) {
      const page = await this.#market.context.store.payouts({ after, limit: 500 })
      all.push(...page)
      const last = page.at(-1)
      if (last === undefined || page.length < 500) return all
      after = last.id
    }
  }

  async #found(): Promise<bigint> {
    let sum = 0n
    for (const { peerId } of this.#providers) {
      const { payable, heldBack, inTransit } =
        await this.#market.context.store.providerMoney(peerId)
      sum += payable + heldBack + inTransit
    }
    for (const { cents, reversedCents, state } of await this.#payouts()) {
      if (state === 'paid') sum += (cents - reversedCents) * CENT
    }
    return sum
  }

  /** In a storm anything may fail at Stripe; nothing else may. */
  async #try(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
      this.#count(what)
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error
      this.#count(`${what} failed`)
    }
  }

  #count(what: string): void {
    this.#happened.set(what, (this.#happened.get(what) ?? 0) + 1)
  }
}
