import { HanseError, type KnownOffer, type MatchedOffer } from '@hanse/protocol'
import type { RequestPolicy, Sort } from '../request.ts'
import { Affinity } from './affinity.ts'
import { Attempt } from './attempt.ts'
import { Breaker } from './breaker.ts'
import { chooseExplored } from './explore.ts'
import { hedgeAfterMs, patienceMs } from './hedging.ts'
import { type MeasurementRow, Measurements } from './measurements.ts'
import { type Choice, Plan } from './plan.ts'
import { Ration } from './ration.ts'
import { costFloor, lossOf, type Need, partsOf, type Scored, type ScoreParts } from './score.ts'
import type { RoutingSettings } from './settings.ts'
import type { Traits } from './traits.ts'

/** An offer, and when its provider said so. */
export interface Routable extends KnownOffer {
  /** ms */
  readonly fetchedAt: number
}

/** Keeps measurements over a restart. */
export interface MeasurementStore {
  measurements(): Iterable<MeasurementRow>
  putMeasurements(rows: readonly MeasurementRow[], now: number): void
}

export interface RouterOptions {
  readonly settings: RoutingSettings
  /** Without one, what was measured is forgotten at the end. */
  readonly store?: MeasurementStore | undefined
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
  /** Salts the hashes of conversations. */
  readonly salt: Uint8Array
}

/** What is routed. */
export interface Routed {
  readonly traits: Traits
  /** What the client asked for at most, tokens. */
  readonly maxOutputTokens: number | undefined
  readonly policy: Pick<RequestPolicy, 'sort' | 'order' | 'only' | 'affinity' | 'hedge'>
  /** It goes on with an answer that was begun elsewhere. */
  readonly continues: boolean
}

/** Losses closer than this are alike: which comes first is chance, so that consumers do not all ask the same one. */
const ALIKE = 0.05
/** What a warm prefix cache is worth: the provider may be this much worse, a third. */
const AFFINITY_LOSS_MAX = 0.3
/** Measurements are written at most this often, ms: losing the last ones in a crash costs nothing. */
const SAVE_MS = 10_000
/** Breakers of providers that were not asked for longer than any backoff are forgotten beyond so many. */
const BREAKERS_MAX = 10_000

/**
 * Chooses providers for requests, and learns from what becomes of them. Without I/O: time, chance and storage are handed
 * in. `score.ts` has the formula.
 */
export class Router<Known extends Routable> {
  readonly measurements: Measurements
  readonly #options: RouterOptions
  readonly #breakers = new Map<string, Breaker>()
  readonly #running = new Map<string, Set<Attempt>>()
  readonly #affinity: Affinity
  readonly #explorations: Ration
  readonly #hedges: Ration
  #savedAt = 0

  constructor(options: RouterOptions) {
    const { settings, store, salt } = options
    this.#options = options
    this.measurements = new Measurements(store?.measurements())
    this.#affinity = new Affinity(salt, settings.affinityMs)
    this.#explorations = new Ration(settings.exploreShare)
    // A slow minute may use what quiet ones have left.
    this.#hedges = new Ration(settings.hedgeShare, 3)
  }

  /**
   * Ranks candidates, all of which may be asked.
   *
   * @throws {HanseError} HANSE_NO_PROVIDER, HANSE_CAPACITY when none of them is to be asked now, and when it is
   */
  plan(candidates: readonly MatchedOffer<Known>[], routed: Routed): Plan<Known> {
    const most = 1 + this.#options.settings.retriesMax
    const admitted = candidates.filter(({ known }) => this.#admits(known))
    if (admitted.length === 0) {
      const [last, until] = this.#lastResort(candidates)
      if (last.length === 0) throw this.#noneNow(candidates, until)
      const ranked = this.#score(last, routed)
      return new Plan(ranked, 'last-resort', most, () => true)
    }
    const [ranked, choice] = this.#arrange(this.#score(admitted, routed), routed)
    return new Plan(ranked, choice, most, (provider) => this.#isAskable(provider))
  }

  /** Candidates with what their rank rests on, best first, without chance. */
  score(candidates: readonly MatchedOffer<Known>[], routed: Routed): readonly Scored<Known>[] {
    return this.#score(candidates, routed, 0)
  }

  /** Begins to learn from an order. */
  attempt({ known, model }: MatchedOffer<Known>, { traits }: Pick<Routed, 'traits'>): Attempt {
    const { provider } = known.offer
    const { now, random } = this.#options
    const running = this.#running.get(provider) ?? new Set()
    const attempt = new Attempt({
      provider,
      model: model.id,
      claimed: model.tokensPerSecond,
      inputTokens: traits.inputTokens,
      measurements: this.measurements,
      breaker: this.breaker(provider),
      now,
      random,
      onDone: () => {
        running.delete(attempt)
        if (running.size === 0) this.#running.delete(provider)
        this.#save()
      },
    })
    this.#running.set(provider, running.add(attempt))
    return attempt
  }

  /** A provider has failed in a way that its session does not tell. */
  failed(provider: string): void {
    const { now, random } = this.#options
    this.measurements.outcome(provider, '', true, now())
    this.breaker(provider).failed(now(), false, random())
  }

  /** An answer was compared with those of others. @param doubt 0 confirmed, 1 refuted */
  compared(provider: string, model: string, doubt: number): void {
    this.measurements.compared(provider, model, doubt, this.#options.now())
    this.#save()
  }

  /** When another provider is asked beside this one, ms after its order. */
  lateness(
    { known, model }: MatchedOffer<Known>,
    { traits, policy }: Routed,
  ): { readonly hedgeMs: number | undefined; readonly patienceMs: number } {
    const { settings, now } = this.#options
    const { provider } = known.offer
    const ms = hedgeAfterMs(this.measurements, provider, model.id, traits.inputTokens, now())
    const hedges = policy.hedge ?? settings.hedge
    return { hedgeMs: hedges ? ms : undefined, patienceMs: patienceMs(ms) }
  }

  takeHedge(): boolean {
    return this.#hedges.take()
  }

  /** An answer has begun: what comes next in its conversation goes there, too. */
  served({ known, model }: MatchedOffer<Known>, routed: Routed): void {
    const key = this.#conversation(model.id, routed)
    if (key !== undefined) this.#affinity.served(key, known.offer.provider, this.#options.now())
  }

  breaker(provider: string): Breaker {
    const found = this.#breakers.get(provider)
    if (found !== undefined) return found
    const [oldest] = this.#breakers.keys()
    if (this.#breakers.size >= BREAKERS_MAX && oldest !== undefined) this.#breakers.delete(oldest)
    const breaker = new Breaker()
    this.#breakers.set(provider, breaker)
    return breaker
  }

  /** Orders of this node that run at a provider. */
  runningAt(provider: string): number {
    return this.#running.get(provider)?.size ?? 0
  }

  /** Writes what was measured since the last time. */
  save(): void {
    const { store, now } = this.#options
    this.#savedAt = now()
    const rows = this.measurements.takeChanged()
    if (rows.length > 0) store?.putMeasurements(rows, now())
  }

  #save(): void {
    if (this.#options.now() - this.#savedAt >= SAVE_MS) this.save()
  }

  #admits({ offer, fetchedAt }: Known): boolean {
    const breaker = this.#breakers.get(offer.provider)
    if (breaker === undefined) return true
    breaker.heard(fetchedAt, Math.max(0, ...offer.models.map(({ freeSlots }) => freeSlots)))
    return this.#isAskable(offer.provider)
  }

  #isAskable(provider: string): boolean {
    const state = this.#breakers.get(provider)?.state(this.#options.now()) ?? 'closed'
    return state === 'closed' || state === 'trial-due'
  }

  /** With nobody else to ask: those that failed and are there all the same, as far as is known. */
  #lastResort(candidates: readonly MatchedOffer<Known>[]): [MatchedOffer<Known>[], number] {
    const { now } = this.#options
    const breakers = candidates.map(({ known }) => this.breaker(known.offer.provider))
    const alive = candidates.filter(({ known }, i) => {
      const breaker = breakers[i]
      return breaker?.state(now()) !== 'cooling' && known.fetchedAt > (breaker?.unreachableAt ?? 0)
    })
    return [alive, Math.min(...breakers.map((breaker) => breaker.until(now())))]
  }

  #noneNow(candidates: readonly MatchedOffer<Known>[], until: number): HanseError {
    const now = this.#options.now()
    const states = candidates.map(({ known }) => this.breaker(known.offer.provider).state(now))
    const busy = states.filter((state) => state === 'cooling').length
    const failed = states.length - busy
    return new HanseError(
      busy > 0 ? 'HANSE_CAPACITY' : 'HANSE_NO_PROVIDER',
      `nobody to ask now: ${busy} of ${states.length} providers are busy, ${failed} have failed lately`,
      { retryAfterMs: Math.max(0, until - now) },
    )
  }

  #score(
    candidates: readonly MatchedOffer<Known>[],
    routed: Routed,
    alike = ALIKE,
  ): Scored<Known>[] {
    const { now, random } = this.#options
    const need = this.#need(candidates, routed)
    const at = now()
    const usual = this.measurements.usual(modelOf(candidates), at)
    const parts = candidates.map((candidate) => {
      const { known, model } = candidate
      const { id, tokensPerSecond } = model
      const { provider } = known.offer
      const expected = this.measurements.expect(provider, id, tokensPerSecond, usual, at)
      return partsOf(candidate, expected, need, this.#loadOf(known))
    })
    const floor = costFloor(parts)
    const sort = this.#sortOf(routed)
    return candidates
      .map((candidate, i) => {
        const part = parts[i]
        if (part === undefined) throw new Error('a candidate without its parts')
        return { ...candidate, parts: part, loss: lossOf(part, sort, floor) + alike * random() }
      })
      .toSorted((a, b) => a.loss - b.loss)
  }

  #sortOf({ policy }: Routed): Sort {
    return policy.sort ?? this.#options.settings.sort
  }

  #need(candidates: readonly MatchedOffer<Known>[], { traits, maxOutputTokens }: Routed): Need {
    const usual = this.measurements.expectedLength(modelOf(candidates), this.#options.now())
    return {
      inputTokens: traits.inputTokens,
      outputTokens: traits.kind === 'embedding' ? 0 : Math.min(usual, maxOutputTokens ?? Infinity),
      features: traits.features,
    }
  }

  /** What runs there since the offer was fetched: the offer counts the rest. */
  #loadOf({ offer, fetchedAt }: Known): { own: number } {
    const running = this.#running.get(offer.provider)
    if (running === undefined) return { own: 0 }
    return { own: [...running].filter(({ startedAt }) => startedAt >= fetchedAt).length }
  }

  /** Puts first whom the request names, who served the conversation, or whom it is time to get to know. */
  #arrange(
    ranked: readonly Scored<Known>[],
    routed: Routed,
  ): readonly [readonly Scored<Known>[], Choice] {
    const { order } = routed.policy
    this.#hedges.earn()
    if (order !== undefined && order.length > 0) {
      const place = ({ known }: Scored<Known>) => {
        const at = order.indexOf(known.offer.provider)
        return at < 0 ? order.length : at
      }
      const ordered = ranked.toSorted((a, b) => place(a) - place(b))
      const [first] = ordered
      return [ordered, first !== undefined && place(first) < order.length ? 'ordered' : 'best']
    }
    const loyal = this.#loyal(ranked, routed)
    if (loyal !== undefined) return [toFront(ranked, loyal), 'affinity']
    const explored = this.#explored(ranked, routed)
    if (explored !== undefined) return [toFront(ranked, explored), 'explored']
    return [ranked, 'best']
  }

  #loyal(ranked: readonly Scored<Known>[], routed: Routed): Scored<Known> | undefined {
    const [best] = ranked
    if (best === undefined) return undefined
    const key = this.#conversation(best.model.id, routed)
    const last = key === undefined ? undefined : this.#affinity.lastOf(key, this.#options.now())
    return ranked.find(
      ({ known, loss }) => known.offer.provider === last && loss - best.loss <= AFFINITY_LOSS_MAX,
    )
  }

  #explored(ranked: readonly Scored<Known>[], routed: Routed): Scored<Known> | undefined {
    if (routed.continues || routed.policy.only !== undefined) return undefined
    this.#explorations.earn()
    if (!this.#explorations.isLeft) return undefined
    const floor = costFloor(ranked.map(({ parts }) => parts))
    const sort = this.#sortOf(routed)
    const loss = (parts: ScoreParts) => lossOf(parts, sort, floor)
    const chosen = chooseExplored(ranked, loss, this.#options.random())
    if (chosen !== undefined) this.#explorations.take()
    return chosen
  }

  #conversation(model: string, { traits, policy, continues }: Routed): string | undefined {
    return continues ? undefined : this.#affinity.keyOf(model, policy.affinity, traits.beginning)
  }
}

/** Candidates of a request are for one model, though offers may differ in what they call it. */
function modelOf(candidates: readonly MatchedOffer<KnownOffer>[]): string {
  return candidates[0]?.model.id ?? ''
}

function toFront<Item>(items: readonly Item[], first: Item): readonly Item[] {
  return [first, ...items.filter((item) => item !== first)]
}
