import { HanseError, type MatchedOffer, matchOffers } from '@hanse/protocol'
import { Kernel, type Random } from '../kernel/index.ts'
import { type MarketPlan, type MarketShape, planMarket, type RequestPlan } from './market-plan.ts'
import { MODEL, ProviderModel, type SeenOffer, type Session } from './provider-model.ts'
import { type Contender, type Plan, type Routed, Router, race } from './routing.ts'
import type { Strategy } from './strategies.ts'

/** What a strategy came to in one market. Times in ms. */
export interface Outcome {
  readonly strategy: string
  readonly seed: string
  readonly requests: number
  /** Requests that were never answered. */
  readonly failed: number
  /** Orders, cancelled ones among them. */
  readonly orders: number
  readonly hedges: number
  /** EUR for a thousand requests, with all that was paid in vain. */
  readonly costPerThousand: number
  readonly firstTokenP50: number
  readonly firstTokenP95: number
  readonly firstTokenP99: number
  /** Until the last token of the answer, those that were asked for again included. */
  readonly answerP50: number
  readonly answerP95: number
  readonly answerP99: number
}

/** As the directory of a node does. */
const REFRESH_MS = 10_000
/** What the official clients do when an answer breaks off. */
const CLIENT_TRIES = 3
const DEADLINE_MS = 120_000
const PICO_PER_EURO = 1e12

/** The same market for every strategy of a seed: what happens in it does not depend on who is asked. */
export async function runMarket(
  strategy: Strategy,
  seed: string,
  shape: MarketShape,
): Promise<Outcome> {
  const kernel = new Kernel(seed)
  const market = new Market(kernel, planMarket(shape, kernel.random.fork('market')), strategy)
  await market.run()
  return market.outcome(seed)
}

class Market {
  readonly #kernel: Kernel
  readonly #plan: MarketPlan
  readonly #strategy: Strategy
  readonly #providers: Map<string, ProviderModel>
  readonly #router: Router<SeenOffer> | undefined
  readonly #random: Random
  #offers = new Map<string, SeenOffer>()
  #orders = 0
  #hedges = 0
  #failed = 0
  #cost = 0
  readonly #firstTokens: number[] = []
  readonly #answers: number[] = []

  constructor(kernel: Kernel, plan: MarketPlan, strategy: Strategy) {
    this.#kernel = kernel
    this.#plan = plan
    this.#strategy = strategy
    this.#random = kernel.random.fork('strategy')
    this.#providers = new Map(
      plan.providers.map((provider) => [provider.name, new ProviderModel(provider, kernel)]),
    )
    this.#router =
      'routing' in strategy
        ? new Router<SeenOffer>({
            settings: strategy.routing,
            now: () => kernel.now,
            random: () => this.#random.float(),
            salt: new Uint8Array(32),
          })
        : undefined
  }

  async run(): Promise<void> {
    const { durationMs } = this.#plan.shape
    for (let at = 0; at < durationMs; at += REFRESH_MS) this.#kernel.at(at, () => this.#refresh())
    for (const request of this.#plan.requests)
      this.#kernel.at(request.at, () => {
        this.#request(request).catch((error: unknown) => this.#kernel.fail(error))
        this.#kernel.stir()
      })
    await this.#kernel.runAllUntil(durationMs + CLIENT_TRIES * DEADLINE_MS)
  }

  outcome(seed: string): Outcome {
    const requests = this.#plan.requests.length
    return {
      strategy: this.#strategy.name,
      seed,
      requests,
      failed: this.#failed,
      orders: this.#orders,
      hedges: this.#hedges,
      costPerThousand: (this.#cost / PICO_PER_EURO / requests) * 1000,
      firstTokenP50: quantile(this.#firstTokens, 0.5),
      firstTokenP95: quantile(this.#firstTokens, 0.95),
      firstTokenP99: quantile(this.#firstTokens, 0.99),
      answerP50: quantile(this.#answers, 0.5),
      answerP95: quantile(this.#answers, 0.95),
      answerP99: quantile(this.#answers, 0.99),
    }
  }

  /** Offers of those that are there; the router may have dropped some meanwhile. */
  #refresh(): void {
    this.#offers = new Map(
      [...this.#providers].flatMap(([name, provider]) => {
        const offer = provider.offer()
        return offer === undefined ? [] : [[name, offer] as const]
      }),
    )
  }

  /** As a client does it: once more when an answer breaks off, from the start. */
  async #request(request: RequestPlan): Promise<void> {
    const began = this.#kernel.now
    for (let tries = 0; tries < CLIENT_TRIES; tries++) {
      try {
        const { ended } = await this.#begin(request)
        const firstMs = this.#kernel.now - began
        const { error } = await ended
        this.#kernel.stir()
        if (error !== undefined) continue
        this.#firstTokens.push(firstMs)
        this.#answers.push(this.#kernel.now - began)
        return
      } catch (error) {
        if (!(error instanceof HanseError)) throw error
      }
    }
    this.#failed++
  }

  async #begin(request: RequestPlan): Promise<Session> {
    const { candidates } = matchOffers([...this.#offers.values()], {
      model: MODEL,
      residency: { allow: ['EU'], minLevel: 0, trustedAttestors: [] },
      kind: 'chat',
      now: this.#kernel.now,
    })
    const routed: Routed = {
      traits: {
        kind: 'chat',
        inputTokens: request.inputTokens,
        features: [],
        beginning: undefined,
      },
      // Clients seldom say how long an answer will be.
      maxOutputTokens: undefined,
      policy: {},
      continues: false,
    }
    const plan = this.#arrange(candidates, routed)
    const stop = new AbortController()
    return await race<Session>({
      next: () => {
        const candidate = plan.next()
        return candidate && this.#contender(candidate, request, routed)
      },
      hasNext: () => plan.hasNext,
      takeHedge: () => {
        const may = this.#router?.takeHedge() === true
        if (may) this.#hedges++
        return may
      },
      mayFallBack: true,
      believesRefusals: true,
      timer: (ms, run) => this.#timer(ms, run),
      now: () => this.#kernel.now,
      until: this.#kernel.now + DEADLINE_MS,
      signal: stop.signal,
    })
  }

  #arrange(
    candidates: readonly MatchedOffer<SeenOffer>[],
    routed: Routed,
  ): Pick<Plan<SeenOffer>, 'hasNext'> & { next(): MatchedOffer<SeenOffer> | undefined } {
    if (this.#router !== undefined) return this.#router.plan(candidates, routed)
    if (!('arrange' in this.#strategy)) throw new Error('a strategy without a rule')
    const waiting = [...this.#strategy.arrange(candidates, this.#random)]
    return {
      get hasNext() {
        return waiting.length > 0
      },
      next: () => waiting.shift(),
    }
  }

  #contender(
    candidate: MatchedOffer<SeenOffer>,
    request: RequestPlan,
    routed: Routed,
  ): Contender<Session> {
    const { offer } = candidate.known
    const provider = this.#providers.get(offer.provider)
    if (provider === undefined) throw new Error('an offer of nobody')
    this.#orders++
    const { inputPrice, outputPrice } = candidate.model
    const attempt = this.#router?.attempt(candidate, routed)
    const lateness = this.#router?.lateness(candidate, routed)
    const patienceMs = lateness?.patienceMs ?? PATIENCE_MS
    return {
      hedgeMs: lateness?.hedgeMs,
      patienceMs,
      order: async (signal) =>
        await provider.order(request, signal, (input, output) => {
          this.#cost += input * Number(inputPrice) + output * Number(outputPrice)
        }),
      won: ({ ended }) => {
        attempt?.firstToken()
        void ended.then(({ error, outputTokens }) =>
          attempt?.ended({ code: error?.code, cancelled: false, outputTokens }),
        )
      },
      failed: (error, cancelled) => {
        // As the directory of a node does: who failed has to show first that it is there.
        if (error.code === 'HANSE_PROVIDER_UNREACHABLE' && !cancelled)
          this.#offers.delete(offer.provider)
        return attempt?.failed(error, true, cancelled) ?? 'failed'
      },
      lost: () => attempt?.lost(patienceMs),
      discard: () => undefined,
    }
  }

  #timer(ms: number, run: () => void): () => void {
    const scheduled = this.#kernel.after(ms, () => {
      run()
      this.#kernel.stir()
    })
    return () => {
      scheduled.cancelled = true
    }
  }
}

/** Rules of thumb wait as long as the router does when it knows nothing. */
const PATIENCE_MS = 30_000

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}
