import { HanseError, type Offer, picoEuro } from '@hanse/protocol'
import { feeOf } from '@hanse/settlement/rules'
import type { Kernel } from '../kernel/index.ts'
import type { Random } from '../kernel/random.ts'
import { lognormal } from '../market-selection/market-plan.ts'
import { Account } from './account.ts'
import { MODEL } from './classes.ts'
import { absences, isIn, openSpans, type Span } from './open-hours.ts'
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
import type { TraceRequest } from './trace.ts'
import { timerOf, wallTime } from './virtual-time.ts'
import {
  capOf,
  openingOf,
  RECEIPT_EVERY,
  type StreamEnd,
  streamThroughWindow,
} from './window-stream.ts'

const PICO = 1e12
const HOUR_MS = 3_600_000
/** A machine that is off is dialled for so long; one that is there and closed says so at once. */
const CONNECT_MS = 5_000
/** One batch shares the memory: each answer of a full machine takes this much longer. */
const SLOWER_WHEN_FULL = 0.3
const NOISE = 0.2
/** What a smaller model is faster, and what it saves of the power. */
const WEAK_SPEED = 3
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
  /** Windows that consumers had grown to, where the rule that they start anew is broken. */
  readonly #windows = new Map<string, bigint>()
  readonly #sessions = new Map<string, number>()
  #busy = 0
  #busySince = 0
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
    const { name, country, facts } = this.plan
    const speed = this.#scheduler.tokensPerSecond(MODEL)
    return {
      provider: name as Offer['provider'],
      sequence: 1n,
      issuedAt: wallTime(this.#shape, 0),
      notAfter: Number.MAX_SAFE_INTEGER,
      addresses: [],
      country,
      attestations: [],
      gpus: [],
      models: [
        {
          id: MODEL,
          aliases: [],
          digest: 'sha256:70b',
          quantization: 'Q4_K_M',
          contextLength: 32_768,
          capabilities: ['chat'],
          ...this.prices,
          maxOutputTokens: 4_096,
          slots: facts.slots,
          freeSlots: this.#scheduler.free(MODEL),
          tokensPerSecond: speed === null ? null : Math.max(1, Math.round(speed)),
        },
      ],
      minAuthorization: picoEuro(0n),
      unsecuredCredit: picoEuro(0n),
      protocolVersions: ['1'],
    }
  }

  /** From time to time, as the price book's own timer does. */
  look(everyMs: number): void {
    this.#book.update()
    this.#tally(everyMs)
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
    this.#turn(1)
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
    const weak = plan.cheat === 'weak-model' ? WEAK_SPEED : 1
    const { busy } = this.#scheduler.load(MODEL)
    const load = 1 + (SLOWER_WHEN_FULL * (busy - 1)) / Math.max(1, plan.facts.slots - 1)
    const reading = (1_000 * request.inputTokens) / (plan.prefill * weak)
    const firstMs = (plan.baseMs + load * reading) * lognormal(this.#random, NOISE)
    const tokenMs = (load * 1_000) / (plan.speed * weak)
    const fails = this.#random.chance(plan.facts.failureRate)
    const failsAfter = fails
      ? this.#random.float() * (firstMs + request.outputTokens * tokenMs)
      : Infinity
    const goneAfter = this.#goneAt() - this.#kernel.now
    const breaksAfter = Math.min(failsAfter, goneAfter)
    lease.onStart()
    if (breaksAfter < firstMs) {
      await this.#wait(breaksAfter, signal)
      throw new HanseError(fails ? 'HANSE_ENGINE_FAILED' : 'HANSE_SESSION_CUT', 'it broke')
    }
    await this.#wait(firstMs, signal)
    lease.onTokens(1)
    this.#meet()
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
      cap: this.#shape.rules.windows === 'none' ? cap * 1_000n : cap,
      opening: this.#openingFor(consumer.name, { ...terms, cap }),
      countersigns: refuses ? 0 : countersignsOf(consumer, this.#sessionsOf(consumer.name)),
      counts,
      breaksAfterMs: Math.min(breaksAfter - firstMs, vanishes),
    })
    this.#windows.set(consumer.name, end.window)
    if (end.isWithheld && !refuses) this.#default(end, request)
    const error =
      end.isWithheld && refuses
        ? new HanseError('HANSE_RECEIPT_REFUSED', 'it counts more than it sent')
        : end.whole || end.isWithheld
          ? undefined
          : new HanseError('HANSE_SESSION_CUT', 'it broke in the middle')
    return { ended: this.#stream(end, lease, prices.outputPrice, error) }
  }

  async #stream(end: StreamEnd, lease: Lease, price: bigint, error: HanseError | undefined) {
    await this.#wait(end.ms / 2)
    lease.onTokens(Math.floor(end.tokens / 2))
    await this.#wait(end.ms / 2)
    lease.onTokens(Math.max(0, end.tokens - 1 - Math.floor(end.tokens / 2)))
    if (end.whole) lease.onEnd()
    // Held back by its consumer, an engine keeps its slot until the countersignature is given up.
    if (end.isWithheld) await this.#wait(end.stalledMs)
    this.#earn(end, price)
    this.#release(lease)
    return { ...end, error, eur: Number(end.signed) / PICO }
  }

  #earn({ signed, tokens }: StreamEnd, price: bigint): void {
    const { account } = this
    account.gross += Number(signed) / PICO
    account.fee += Number(feeOf(signed, this.#shape.feeBps)) / PICO
    account.outputTokens += tokens
    if (Number(price) < this.#powerOfAToken()) account.belowPowerTokens += tokens
  }

  #default({ unsigned }: StreamEnd, { inputTokens, outputTokens }: TraceRequest): void {
    const { inputPrice, outputPrice } = this.prices
    const asked = inputTokens * Number(inputPrice) + outputTokens * Number(outputPrice)
    this.account.defaults++
    this.account.withheld += Number(unsigned) / PICO
    this.account.asked += asked / PICO
  }

  /** What the electricity of a token of an answer costs with all slots busy: the least it can be; pico-euro. */
  #powerOfAToken(): number {
    const { facts, speed } = this.plan
    const perSecond = (speed * facts.slots) / (1 + SLOWER_WHEN_FULL)
    return ((Number(facts.tariff) * facts.watts) / 3_600_000 / perSecond) * PICO
  }

  #openingFor(consumer: string, terms: Parameters<typeof openingOf>[0]): bigint {
    const { windows } = this.#shape.rules
    if (windows === 'none') return terms.cap * 1_000n
    const kept = windows === 'kept' ? this.#windows.get(consumer) : undefined
    const opening = openingOf(terms)
    return kept !== undefined && kept > opening ? (kept < terms.cap ? kept : terms.cap) : opening
  }

  /** That this one has had before this. */
  #sessionsOf(consumer: string): number {
    const before = this.#sessions.get(consumer) ?? 0
    this.#sessions.set(consumer, before + 1)
    return before
  }

  #meet(): void {
    const { account, plan } = this
    account.jobs++
    account.firstJobAt ??= this.#kernel.now
    if (this.#kernel.now < plan.comesAtMs + HOUR_MS) account.earlyJobs++
  }

  #goneAt(): number {
    const { now } = this.#kernel
    const next = this.#away.find(({ from }) => from >= now)?.from ?? Infinity
    return Math.min(next, this.plan.leavesAtMs)
  }

  #release(lease: Lease): void {
    this.#turn(-1)
    lease.release()
    this.#kernel.stir()
  }

  #turn(by: 1 | -1): void {
    const { now } = this.#kernel
    this.account.busySlotMs += this.#busy * (now - this.#busySince)
    this.#busySince = now
    this.#busy += by
  }

  #tally(ms: number): void {
    const { account, plan } = this
    if (!this.isOpen && this.#busy === 0) return
    const { facts } = plan
    const hours = ms / HOUR_MS
    if (this.isOpen) {
      account.openMs += ms
      account.rent += facts.rent * hours
      account.hardware += facts.hardware * hours
    }
    // One answer draws most of what a full machine does.
    const share = this.#busy === 0 ? 0 : 0.7 + (0.3 * this.#busy) / facts.slots
    const weak = plan.cheat === 'weak-model' ? 1 / WEAK_SPEED : 1
    const watts = facts.idleWatts + share * weak * (facts.watts - facts.idleWatts)
    account.power += (watts / 1_000) * hours * Number(facts.tariff)
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

/** Sessions in which one who means to default pays for everything, so that it is trusted. */
const HONEST_SESSIONS = 5

function countersignsOf({ cheat }: ConsumerPlan, sessionsBefore: number): number {
  if (cheat === 'withhold') return 0
  const isStillHonest = cheat === undefined || sessionsBefore < HONEST_SESSIONS
  return isStillHonest ? Number.POSITIVE_INFINITY : 0
}
