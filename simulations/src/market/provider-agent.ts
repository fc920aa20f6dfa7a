import { HanseError, type Offer } from '@hanse/protocol'
import type { Kernel } from '../kernel/index.ts'
import type { Random } from '../kernel/random.ts'
import { Account } from './account.ts'
import { answerTimes } from './answer-times.ts'
import { MODEL } from './classes.ts'
import { MachineHours } from './machine-hours.ts'
import { offerOf } from './offer-of.ts'
import { absences, isIn, openSpans, type Span } from './open-hours.ts'
import { PayerMemory } from './payer-memory.ts'
import type { ConsumerPlan, MarketShape, ProviderPlan } from './plan.ts'
import { priceBookOf } from './prices.ts'
import {
  advise,
  type Lease,
  limitsOf,
  type MarketOffer,
  type PriceBook,
  Scheduler,
} from './production.ts'
import { Till } from './till.ts'
import type { TraceRequest } from './trace.ts'
import { timerOf, wallTime } from './virtual-time.ts'
import { capOf, RECEIPT_EVERY, type StreamEnd, streamThroughWindow } from './window-stream.ts'

const PICO = 1e12
/** A machine that is off is dialled for so long; one that is there and closed says so at once. */
const CONNECT_MS = 5_000
/** How much more a liar counts. */
const OVERCOUNT = 1.3
/** Who means to vanish does so after a minute of talking, having been paid for what was countersigned. */
const VANISHES_AFTER_MS = 20_000

/** What one order came to. */
export interface Served {
  readonly ended: Promise<
    StreamEnd & { readonly error: HanseError | undefined; readonly eur: number }
  >
}

/** One provider: the node's scheduler and price book, an engine, an owner. */
export class ProviderAgent {
  readonly plan: ProviderPlan
  readonly account = new Account()
  readonly #shape: MarketShape
  readonly #kernel: Kernel
  readonly #random: Random
  readonly #scheduler: Scheduler
  #book: PriceBook
  readonly #open: readonly Span[]
  readonly #away: readonly Span[]
  readonly #payers: PayerMemory
  readonly #hours: MachineHours
  readonly #till: Till
  #closedUntil = 0
  #lastResult = 0

  constructor(
    plan: ProviderPlan,
    shape: MarketShape,
    kernel: Kernel,
    market: readonly MarketOffer[],
  ) {
    this.plan = plan
    this.#shape = shape
    this.#kernel = kernel
    this.#random = kernel.random.fork(`provider ${plan.name}`)
    this.#scheduler = new Scheduler({
      models: new Map([[MODEL, limitsOf(plan.facts.slots)]]),
      now: () => wallTime(shape, kernel.now),
      timer: timerOf(kernel),
    })
    this.#book = priceBookOf(plan, shape, { scheduler: this.#scheduler, kernel, market })
    this.#open = openSpans(plan, shape)
    this.#away = absences(plan, shape, this.#random.fork('away'))
    this.#payers = new PayerMemory(shape.rules, () => wallTime(shape, kernel.now))
    this.#hours = new MachineHours(plan, this.account, kernel)
    this.#till = new Till(this.account, plan, shape.feeBps)
  }

  get isOpen(): boolean {
    const { now } = this.#kernel
    const { comesAtMs, leavesAtMs } = this.plan
    return (
      now >= comesAtMs &&
      now < leavesAtMs &&
      now >= this.#closedUntil &&
      isIn(this.#open, now) &&
      !isIn(this.#away, now)
    )
  }

  get prices() {
    const prices = this.#book.pricesOf(MODEL)
    if (prices === undefined) throw new Error('a model without a price')
    return prices
  }

  /** What its owner and the market see of it. */
  get marketOffer(): MarketOffer {
    const { slots } = this.plan.facts
    const freeSlots = this.#scheduler.free(MODEL)
    return { provider: this.plan.name, model: MODEL, ...this.prices, slots, freeSlots }
  }

  offer(): Offer {
    return offerOf(this.plan, {
      prices: this.prices,
      freeSlots: this.#scheduler.free(MODEL),
      tokensPerSecond: this.#scheduler.tokensPerSecond(MODEL),
      issuedAt: wallTime(this.#shape, 0),
    })
  }

  /** From time to time, as the price book's own timer does. */
  look(everyMs: number): void {
    this.#book.update()
    this.#hours.tally(everyMs, this.isOpen)
  }

  /** The owner reads `hanse price advise`, and does as it says. */
  followAdvice(others: readonly MarketOffer[], market: readonly MarketOffer[]): void {
    if (this.plan.pricing !== 'advised' || !this.isOpen) return
    const own = { model: MODEL, prices: this.prices, floor: this.#book.floorOf(MODEL) }
    const { prices, action } = advise(own, others)
    if (prices === undefined || action === 'keep') return
    const given = { scheduler: this.#scheduler, kernel: this.#kernel, market }
    this.#book[Symbol.dispose]()
    this.#book = priceBookOf(this.plan, this.#shape, given, prices)
  }

  /** An owner who, after the fee, is not paid for the power and the rent of the last hour stays away. */
  judgeTheHour(): void {
    const { account } = this
    const result = account.net - account.power - account.rent
    const ofTheHour = result - this.#lastResult
    this.#lastResult = result
    if (!this.#shape.leavesAtALoss || !this.isOpen || ofTheHour >= 0) return
    account.leftAt ??= this.#kernel.now
    this.#closedUntil = Number.POSITIVE_INFINITY
  }

  /** @throws {HanseError} */
  async order(request: TraceRequest, consumer: ConsumerPlan, signal: AbortSignal): Promise<Served> {
    const { facts, leavesAtMs } = this.plan
    if (!this.isOpen) {
      const dead = this.#kernel.now >= leavesAtMs || isIn(this.#away, this.#kernel.now)
      await this.#wait(dead ? CONNECT_MS : facts.roundTripMs, signal)
      throw new HanseError('HANSE_PROVIDER_UNREACHABLE', 'away')
    }
    await this.#wait(facts.roundTripMs, signal)
    this.#payers.admit(consumer.name)
    const lease = await this.#scheduler.acquire(
      {
        model: MODEL,
        consumer: consumer.name,
        authorized: true,
        inputTokens: request.inputTokens,
        maxOutputTokens: 4_096,
        deadlineMs: 600_000,
      },
      signal,
    )
    this.#hours.turn(1)
    try {
      return await this.#serve(request, consumer, lease, signal)
    } catch (error) {
      this.#release(lease)
      throw error
    }
  }

  /** What to ask of an order under an offer with these prices. */
  askFor(offered: Parameters<PriceBook['askFor']>[1]) {
    return this.#book.askFor(MODEL, offered)
  }

  async #serve(
    request: TraceRequest,
    consumer: ConsumerPlan,
    lease: Lease,
    signal: AbortSignal,
  ): Promise<Served> {
    const { plan, prices } = this
    const { busy } = this.#scheduler.load(MODEL)
    const { firstMs, tokenMs, failsAfterMs } = answerTimes(plan, request, busy, this.#random)
    const fails = Number.isFinite(failsAfterMs)
    const breaksAfter = Math.min(failsAfterMs, this.#goneAt() - this.#kernel.now)
    // As of when the slot is there, which is when the node judges it, too.
    const prepaid = this.#payers.admit(consumer.name)
    lease.onStart()
    if (breaksAfter < firstMs) {
      await this.#wait(breaksAfter, signal)
      throw new HanseError(fails ? 'HANSE_ENGINE_FAILED' : 'HANSE_SESSION_CUT', 'it broke')
    }
    await this.#wait(firstMs, signal)
    lease.onTokens(1)
    this.#till.begun(this.#kernel.now)
    const vanishes = plan.cheat === 'vanish' ? VANISHES_AFTER_MS : Infinity
    const counts = plan.cheat === 'overcount-output' ? OVERCOUNT : 1
    const refuses = counts > 1 && consumer.hasTokenizer
    const terms = { inputTokens: request.inputTokens, ...prices }
    const cap = capOf(request.inputTokens, prices, RECEIPT_EVERY)
    const end = streamThroughWindow({
      ...terms,
      outputTokens: request.outputTokens,
      tokenMs,
      roundTripMs: plan.facts.roundTripMs,
      receiptEvery: RECEIPT_EVERY,
      ...this.#payers.windowsFor(consumer.name, { ...terms, cap }),
      prepaid,
      countersigns: refuses ? 0 : this.#payers.countersignsOf(consumer),
      counts,
      breaksAfterMs: Math.min(breaksAfter - firstMs, vanishes),
    })
    if (end.isWithheld && !refuses) this.#till.defaulted(end, request, prices)
    const error =
      end.isWithheld && refuses
        ? new HanseError('HANSE_RECEIPT_REFUSED', 'it counts more than it sent')
        : end.whole || end.isWithheld
          ? undefined
          : new HanseError('HANSE_SESSION_CUT', 'it broke in the middle')
    return { ended: this.#stream(end, lease, { consumer, price: prices.outputPrice, error }) }
  }

  async #stream(
    end: StreamEnd,
    lease: Lease,
    {
      consumer,
      price,
      error,
    }: {
      readonly consumer: ConsumerPlan
      readonly price: bigint
      readonly error: HanseError | undefined
    },
  ) {
    await this.#wait(end.ms / 2)
    lease.onTokens(Math.floor(end.tokens / 2))
    await this.#wait(end.ms / 2)
    lease.onTokens(Math.max(0, end.tokens - 1 - Math.floor(end.tokens / 2)))
    if (end.whole) lease.onEnd()
    // Held back by its consumer, an engine keeps its slot until the countersignature is given up.
    if (end.isWithheld) await this.#wait(end.stalledMs)
    this.#till.earned(end, price)
    this.#payers.ended(consumer.name, end)
    this.#release(lease)
    return { ...end, error, eur: Number(end.signed) / PICO }
  }

  #goneAt(): number {
    const { now } = this.#kernel
    const next = this.#away.find(({ from }) => from >= now)?.from ?? Infinity
    return Math.min(next, this.plan.leavesAtMs)
  }

  #release(lease: Lease): void {
    this.#hours.turn(-1)
    lease.release()
    this.#kernel.stir()
  }

  #wait(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const scheduled = this.#kernel.after(ms, () => {
      resolve()
      this.#kernel.stir()
    })
    signal?.addEventListener('abort', () => {
      scheduled.cancelled = true
      reject(new HanseError('HANSE_SESSION_CANCELLED', 'another one was faster'))
    })
    return promise
  }
}
