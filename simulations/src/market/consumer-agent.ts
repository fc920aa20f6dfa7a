import { HanseError, type MatchedOffer, matchOffers } from '@hanse/protocol'
import type { Kernel } from '../kernel/index.ts'
import type { Random } from '../kernel/random.ts'
import { MODEL } from './classes.ts'
import type { ConsumerPlan, MarketShape } from './plan.ts'
import {
  type Contender,
  DOUBTS,
  type Pair,
  ROUTING_DEFAULTS,
  type Routable,
  type Routed,
  Router,
  race,
  standings,
} from './production.ts'
import type { ProviderAgent, Served } from './provider-agent.ts'
import type { Sample } from './samples.ts'
import type { TraceRequest } from './trace.ts'
import { timerOf, wallTime } from './virtual-time.ts'

/** What the market shows, shared by all: as of one look. */
export interface Snapshot {
  readonly offers: readonly Routable[]
}

/** People give up after a minute without a first token, programs after ten. */
const DEADLINE_MS = { interactive: 60_000, batch: 600_000 } as const
/** What the official clients do when an answer breaks off. */
const TRIES = 3
/** And how long they wait where nobody could be asked; ms. */
const RETRY_MS_MAX = 8_000

type Candidate = MatchedOffer<Routable>

/** One gateway: the node's matcher and router, with a policy, a budget, and clients. */
export class ConsumerAgent {
  readonly plan: ConsumerPlan
  /** EUR, with what was paid in vain and for checks. */
  spent = 0
  checks = 0
  /** Answers that began. */
  sessions = 0
  readonly #shape: MarketShape
  readonly #kernel: Kernel
  readonly #random: Random
  readonly #router: Router<Routable>
  readonly #providers: ReadonlyMap<string, ProviderAgent>
  readonly #snapshot: () => Snapshot
  /** Who could not be reached has to show first that it is there: since when, ms. */
  readonly #unreachable = new Map<string, number>()
  #matched: { readonly of: Snapshot; readonly candidates: readonly Candidate[] } | undefined

  constructor(
    plan: ConsumerPlan,
    shape: MarketShape,
    kernel: Kernel,
    market: {
      readonly providers: ReadonlyMap<string, ProviderAgent>
      readonly snapshot: () => Snapshot
    },
  ) {
    this.plan = plan
    this.#shape = shape
    this.#kernel = kernel
    this.#random = kernel.random.fork(`consumer ${plan.name}`)
    this.#providers = market.providers
    this.#snapshot = market.snapshot
    this.#router = new Router<Routable>({
      settings: { ...ROUTING_DEFAULTS, sort: plan.sort, exploreShare: shape.exploreShare },
      now: () => wallTime(shape, kernel.now),
      random: () => this.#random.float(),
      salt: new Uint8Array(32),
    })
  }

  /** As a client does it: again when an answer breaks off, from the start. */
  async request(request: TraceRequest): Promise<Sample> {
    const { plan } = this
    const at = this.#kernel.now
    const base = { at, group: `${plan.kind}, ${plan.sort}` }
    const none = { answered: false, firstMs: 0, answerMs: 0, stalledMs: 0, outputTokens: 0 }
    if (this.spent >= plan.budgetEur) return { ...base, ...none, eur: 0, overBudget: true }
    const before = { eur: 0 }
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        const { served, candidate, doneAttempt } = await this.#begin(request)
        const firstMs = this.#kernel.now - at
        this.sessions++
        const end = await served.ended
        this.#kernel.stir()
        doneAttempt(end)
        before.eur += end.eur
        this.spent += end.eur
        if (end.error !== undefined) continue
        this.#maybeCheck(request, candidate)
        const answerMs = this.#kernel.now - at
        const { stalledMs, tokens } = end
        return {
          ...base,
          answered: true,
          firstMs,
          answerMs,
          stalledMs,
          outputTokens: tokens,
          eur: before.eur,
          overBudget: false,
        }
      } catch (error) {
        if (!(error instanceof HanseError)) throw error
        const wait = Math.min(error.retryAfterMs ?? 1_000, RETRY_MS_MAX)
        if (tries + 1 < TRIES) await this.#sleep(wait)
      }
    }
    return { ...base, ...none, eur: before.eur, overBudget: false }
  }

  async #begin(request: TraceRequest) {
    const routed = routedOf(request)
    const plan = this.#router.plan(this.#candidates(), routed)
    const deadline = DEADLINE_MS[this.plan.kind]
    return await race<Begun>({
      next: () => {
        const candidate = plan.next()
        return candidate && this.#contender(candidate, request, routed)
      },
      hasNext: () => plan.hasNext,
      takeHedge: () => this.#router.takeHedge(),
      mayFallBack: true,
      believesRefusals: true,
      timer: timerOf(this.#kernel),
      now: () => wallTime(this.#shape, this.#kernel.now),
      until: wallTime(this.#shape, this.#kernel.now) + deadline,
      signal: new AbortController().signal,
    })
  }

  /** Who fits, by the matcher: the same for every request until the market is looked at again. */
  #candidates(): readonly Candidate[] {
    const snapshot = this.#snapshot()
    if (this.#matched?.of !== snapshot) {
      const { candidates } = matchOffers(snapshot.offers, {
        model: MODEL,
        residency: { allow: [...this.plan.allow], minLevel: 0, trustedAttestors: [] },
        kind: 'chat',
        ...(this.plan.maxOutputPrice !== undefined && {
          maxOutputPrice: this.plan.maxOutputPrice as Candidate['model']['outputPrice'],
        }),
        now: wallTime(this.#shape, this.#kernel.now),
      })
      this.#matched = { of: snapshot, candidates }
    }
    const { candidates } = this.#matched
    return this.#unreachable.size === 0
      ? candidates
      : candidates.filter(
          ({ known }) => known.fetchedAt > (this.#unreachable.get(known.offer.provider) ?? 0),
        )
  }

  #contender(candidate: Candidate, request: TraceRequest, routed: Routed): Contender<Begun> {
    const { provider: name } = candidate.known.offer
    const provider = this.#providers.get(name)
    if (provider === undefined) throw new Error('an offer of nobody')
    const attempt = this.#router.attempt(candidate, routed)
    const { hedgeMs, patienceMs } = this.#router.lateness(candidate, routed)
    return {
      hedgeMs,
      patienceMs,
      order: async (signal) => {
        this.#reviewPrice(candidate, provider)
        const served = await provider.order(request, this.plan, signal)
        const doneAttempt = ({ error, tokens }: Awaited<Served['ended']>) =>
          attempt.ended({ code: error?.code, cancelled: false, outputTokens: tokens })
        return { served, candidate, doneAttempt }
      },
      won: () => attempt.firstToken(),
      failed: (error, cancelled) => {
        if (error.code === 'HANSE_PROVIDER_UNREACHABLE' && !cancelled)
          this.#unreachable.set(name, wallTime(this.#shape, this.#kernel.now))
        return attempt.failed(error, true, cancelled)
      },
      lost: () => attempt.lost(patienceMs),
      discard: () => undefined,
    }
  }

  /** @throws {HanseError} HANSE_ORDER_PRICE when the provider would ask more than this consumer pays */
  #reviewPrice({ model }: Candidate, provider: ProviderAgent): void {
    const asked = provider.askFor(model)
    const { maxOutputPrice } = this.plan
    if (asked !== undefined && maxOutputPrice !== undefined && asked.outputPrice > maxOutputPrice)
      throw new HanseError('HANSE_ORDER_PRICE', 'dearer than it was offered')
  }

  /** Asks one other for the same, and a third when they differ: the verdict is the node's own. */
  #maybeCheck(request: TraceRequest, first: Candidate): void {
    if (!this.#random.chance(this.#shape.spotCheckShare)) return
    this.#check(request, first).catch((error: unknown) => {
      if (!(error instanceof HanseError)) this.#kernel.fail(error)
    })
  }

  async #check(request: TraceRequest, first: Candidate): Promise<void> {
    const others = this.#candidates().filter(({ known }) => known !== first.known)
    const drawn = () => others.splice(Math.floor(this.#random.float() * others.length), 1)[0]
    const [second, third] = [drawn(), drawn()]
    if (second === undefined || !(await this.#repeat(request, second))) return
    const pairs = [this.#compared(first, second)]
    if (pairs[0]?.differ === true && third !== undefined && (await this.#repeat(request, third)))
      pairs.push(this.#compared(first, third), this.#compared(second, third))
    for (const [provider, standing] of standings(pairs))
      this.#router.compared(provider, MODEL, DOUBTS[standing])
  }

  async #repeat(request: TraceRequest, { known }: Candidate): Promise<boolean> {
    const provider = this.#providers.get(known.offer.provider)
    if (provider === undefined) return false
    const { ended } = await provider.order(request, this.plan, new AbortController().signal)
    const end = await ended
    this.#kernel.stir()
    this.checks++
    this.spent += end.eur
    return end.error === undefined
  }

  /** Greedy answers of the same weights are taken to be alike, and those of a smaller model to differ. */
  #compared(one: Candidate, other: Candidate): Pair {
    const weights = ({ known }: Candidate) =>
      this.#providers.get(known.offer.provider)?.plan.cheat === 'weak-model'
    return {
      first: one.known.offer.provider,
      second: other.known.offer.provider,
      differ: weights(one) !== weights(other),
    }
  }

  #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    timerOf(this.#kernel)(ms, resolve)
    return promise
  }
}

interface Begun {
  readonly served: Served
  readonly candidate: Candidate
  readonly doneAttempt: (end: Awaited<Served['ended']>) => void
}

function routedOf({ inputTokens }: TraceRequest): Routed {
  return {
    traits: { kind: 'chat', inputTokens, features: [], beginning: undefined },
    // Clients seldom say how long an answer will be.
    maxOutputTokens: undefined,
    policy: {},
    continues: false,
  }
}
