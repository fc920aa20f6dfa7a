import { HanseError, type KnownOffer, type Offer, picoEuro } from '@hanse/protocol'
import type { Kernel, Random } from '../kernel/index.ts'
import { lognormal, type Phase, type ProviderPlan, type RequestPlan } from './market-plan.ts'

export const MODEL = 'simulated/model'

/** An offer as a consumer has it. */
export interface SeenOffer extends KnownOffer {
  readonly fetchedAt: number
}

/** What one order came to. */
export interface Session {
  /** The rest of the answer. */
  readonly ended: Promise<SessionEnd>
}

export interface SessionEnd {
  readonly error: HanseError | undefined
  readonly outputTokens: number
}

const ROUND_TRIP_MS = 40
const CONNECT_MS = 5_000
/** In a slow phase: the owner plays, or the machine is hot. */
const SLOWNESS = 6
const SLOWER_WHEN_FULL = 0.8
/** What others take of the slots changes this often, ms. */
const DEMAND_MS = 20_000

/** How one provider behaves in virtual time. */
export class ProviderModel {
  readonly plan: ProviderPlan
  readonly #kernel: Kernel
  readonly #random: Random
  #running = 0

  constructor(plan: ProviderPlan, kernel: Kernel) {
    this.plan = plan
    this.#kernel = kernel
    this.#random = kernel.random.fork(plan.name)
  }

  /** What it answers when it is asked for its offer; nothing while it is away. */
  offer(): SeenOffer | undefined {
    if (isIn(this.plan.away, this.#kernel.now)) return undefined
    return {
      offer: offerOf(this.plan, this.#free()),
      attestations: [],
      fetchedAt: this.#kernel.now,
    }
  }

  /**
   * @param pay is told of tokens as they come to be owed
   * @throws {HanseError}
   */
  async order(
    request: RequestPlan,
    signal: AbortSignal,
    pay: (inputTokens: number, outputTokens: number) => void,
  ): Promise<Session> {
    const { plan } = this
    if (isIn(plan.away, this.#kernel.now)) {
      await this.#wait(plan.vanishes ? CONNECT_MS : ROUND_TRIP_MS, signal)
      throw new HanseError('HANSE_PROVIDER_UNREACHABLE', 'away')
    }
    await this.#wait(ROUND_TRIP_MS, signal)
    if (this.#free() === 0)
      throw new HanseError('HANSE_CAPACITY', 'busy', {
        retryAfterMs: this.#random.between(1, 5) * 1000,
      })
    this.#running++
    try {
      return await this.#serve(request, signal, pay)
    } catch (error) {
      this.#running--
      throw error
    }
  }

  async #serve(
    { inputTokens, outputTokens }: RequestPlan,
    signal: AbortSignal,
    pay: (inputTokens: number, outputTokens: number) => void,
  ): Promise<Session> {
    const { baseMs, prefill, speed, failureRate, away } = this.plan
    const load = this.#load()
    const firstMs = load * (baseMs + (1000 * inputTokens) / prefill) * lognormal(this.#random, 0.35)
    const answerMs = (load * (1000 * outputTokens)) / speed
    // Whoever is cancelled while it reads is paid for what it has read.
    pay(inputTokens, 0)
    const fails = this.#random.chance(failureRate)
    const failsAt = fails ? this.#random.float() * (firstMs + answerMs) : Infinity
    const crashAt =
      (away.find(({ from }) => from >= this.#kernel.now)?.from ?? Infinity) - this.#kernel.now
    const endMs = Math.min(failsAt, crashAt)
    if (endMs < firstMs) {
      await this.#wait(endMs, signal)
      throw new HanseError(fails ? 'HANSE_ENGINE_FAILED' : 'HANSE_SESSION_CUT', 'it broke')
    }
    await this.#wait(firstMs, signal)
    return { ended: this.#stream(outputTokens, answerMs, endMs - firstMs, pay) }
  }

  async #stream(
    outputTokens: number,
    answerMs: number,
    failsAfterMs: number,
    pay: (inputTokens: number, outputTokens: number) => void,
  ): Promise<SessionEnd> {
    const broken = failsAfterMs < answerMs
    await this.#wait(Math.min(answerMs, failsAfterMs))
    this.#running--
    const came = broken ? Math.floor((outputTokens * failsAfterMs) / answerMs) : outputTokens
    pay(0, came)
    const error = broken ? new HanseError('HANSE_SESSION_CUT', 'it broke in the middle') : undefined
    return { error, outputTokens: came }
  }

  #load(): number {
    const slow = isIn(this.plan.slow, this.#kernel.now) ? SLOWNESS : 1
    const taken = 1 - this.#free() / this.plan.slots
    return slow * (1 + SLOWER_WHEN_FULL * taken)
  }

  #free(): number {
    const { name, slots, demand } = this.plan
    const period = Math.floor(this.#kernel.now / DEMAND_MS)
    const random = this.#kernel.random.fork(`demand ${name} ${period}`)
    let others = 0
    for (let i = 0; i < slots; i++) if (random.chance(demand)) others++
    return Math.max(0, slots - others - this.#running)
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

function isIn(phases: readonly Phase[], now: number): boolean {
  return phases.some(({ from, until }) => from <= now && now < until)
}

function offerOf(plan: ProviderPlan, freeSlots: number): Offer {
  return {
    provider: plan.name as Offer['provider'],
    sequence: 1n,
    issuedAt: 0,
    notAfter: Number.MAX_SAFE_INTEGER,
    addresses: [],
    country: 'DE',
    attestations: [],
    gpus: [],
    models: [
      {
        id: MODEL,
        aliases: [],
        digest: null,
        quantization: null,
        contextLength: 32_768,
        capabilities: ['chat'],
        inputPrice: picoEuro(plan.inputPrice),
        outputPrice: picoEuro(plan.outputPrice),
        maxOutputTokens: 4_096,
        slots: plan.slots,
        freeSlots,
        tokensPerSecond: plan.claimed,
      },
    ],
    minAuthorization: picoEuro(0n),
    unsecuredCredit: picoEuro(0n),
    protocolVersions: ['1'],
  }
}
