import {
  asHanseError,
  ERRORS,
  type ErrorCode,
  HanseError,
  type Match,
  type MatchedOffer,
  matchOffers,
  type RequestKind,
  summarize,
} from '@hanse/protocol'
import type { Answer } from './answer.ts'
import { Buyer, type BuyerOptions, type BuyerSettings, type Purchase } from './buyer.ts'
import { ContinuedAnswer } from './continuation/continued-answer.ts'
import { FAILOVER_DEFAULTS, type Failover, type FailoverSettings } from './continuation/failover.ts'
import { type BeginTerms, firstToken } from './first-token.ts'
import type { FetchedOffer, OfferDirectory } from './offer-directory.ts'
import type { InferenceRequest, RequestOptions, RequestPolicy, Sort } from './request.ts'
import { fractions } from './routing/fractions.ts'
import { type ModelChoice, modelChoices } from './routing/model-names.ts'
import { OfferedNames } from './routing/offered-names.ts'
import { type ProviderRow, providerRows } from './routing/provider-rows.ts'
import { requirementOf, residencyOf } from './routing/requirement.ts'
import { type MeasurementStore, type Routed, Router } from './routing/router.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from './routing/settings.ts'
import { traitsOf } from './routing/traits.ts'
import type { SessionOutcome } from './session-client.ts'

export interface ConsumerSettings extends BuyerSettings {
  readonly deadlineMs: number
  /** How providers are chosen; as usual when absent. */
  readonly routing?: RoutingSettings
  /** How answers that stop in the middle go on elsewhere; as usual when absent. */
  readonly failover?: FailoverSettings
}

export interface ConsumerOptions extends BuyerOptions {
  readonly directory: OfferDirectory
  readonly settings: ConsumerSettings
  /** Keeps what was measured of providers over a restart. */
  readonly measurements?: MeasurementStore
  /** Calls once after so many ms, unless it is taken back. */
  readonly timer?: (ms: number, run: () => void) => () => void
  /** An answer goes on at another provider. */
  readonly onFailover?: (failover: Failover) => void
}

/** The provider is gone, or does not stand by its offer: it counts again once it has answered for itself. */
const OFFER_OUTDATED: ReadonlySet<ErrorCode> = new Set([
  'HANSE_PROVIDER_UNREACHABLE',
  'HANSE_SESSION_CUT',
  'HANSE_DRAINING',
  'HANSE_PROVIDER_PAUSED',
  'HANSE_MODEL_UNKNOWN',
  'HANSE_ORDER_OFFER_UNKNOWN',
  'HANSE_ORDER_PRICE',
  'HANSE_QUOTE_ROUNDS',
  'HANSE_POLICY_RESIDENCY',
  'HANSE_RESIDENCY_UNPROVEN',
])

const SALT_BYTES = 32

/** A consumer node: finds offers, orders, streams, countersigns. */
export class Consumer implements Disposable {
  readonly #options: ConsumerOptions
  readonly #buyer: Buyer
  readonly #routing: RoutingSettings
  readonly #router: Router<FetchedOffer>
  readonly #isOffered: (name: string) => Promise<boolean>

  constructor(options: ConsumerOptions) {
    const { settings, measurements, now, random, directory } = options
    this.#options = options
    this.#routing = settings.routing ?? ROUTING_DEFAULTS
    this.#router = new Router({
      settings: this.#routing,
      store: measurements,
      now,
      random: fractions(random),
      salt: random(SALT_BYTES),
    })
    const names = new OfferedNames(async (name) => await directory.find(name, ['*']), now)
    this.#isOffered = async (name) => await names.has(name)
    this.#buyer = new Buyer({
      ...options,
      onEnd: (outcome) => {
        options.onEnd?.(outcome)
        if (outcome.error !== undefined) this.#learn(outcome.provider, outcome.error)
      },
    })
  }

  /** Answers were compared: a provider that others refute is chosen less. @param doubt 0 confirmed, 1 refuted */
  compared(provider: string, model: string, doubt: number): void {
    this.#router.compared(provider, model, doubt)
  }

  /** Keeps what was measured. */
  [Symbol.dispose](): void {
    this.#router.save()
  }

  /** Which offers of a model (of all, without one) fit the policy, and why the others do not. */
  async match(model?: string, policy: RequestPolicy = {}): Promise<Match<FetchedOffer>> {
    const { directory } = this.#options
    const offers =
      model === undefined ? await directory.browse() : await directory.find(model, ['*'])
    return this.#match(offers, { model }, policy)
  }

  /**
   * How the providers of a model (of all, without one) stand for a request of common size, best first, and why.
   *
   * @param name as requests have it: an id, an alias, or with a shortcut
   */
  async providers(name?: string, policy: RequestPolicy = {}): Promise<readonly ProviderRow[]> {
    const choices: readonly Partial<ModelChoice>[] =
      name === undefined ? [{}] : await modelChoices([name], this.#routing.aliases, this.#isOffered)
    const rows = choices.map(async ({ model, sort }) =>
      this.#rowsOf((await this.match(model, policy)).candidates, sort ?? policy.sort),
    )
    return (await Promise.all(rows)).flat()
  }

  #rowsOf(
    candidates: readonly MatchedOffer<FetchedOffer>[],
    sort: Sort | undefined,
  ): readonly ProviderRow[] {
    const policy = sort === undefined ? {} : { sort }
    const models = new Set(candidates.map(({ model }) => model.id))
    return [...models].flatMap((id) => {
      const offers = candidates.filter(({ model }) => model.id === id)
      const scored = this.#router.score(offers, { ...USUAL, policy })
      return providerRows(this.#router, scored, this.#options.now())
    })
  }

  /**
   * Asks providers, best first, until one has sent its first token; another one goes on when it stops in the middle. Nothing
   * leaves for a provider outside the policy.
   *
   * @throws {HanseError} HANSE_MODEL_UNKNOWN, HANSE_NO_PROVIDER, or what the last provider said
   */
  async request(request: InferenceRequest, options: RequestOptions): Promise<Answer> {
    const { now, settings } = this.#options
    // One deadline for all that are asked: the client waits no longer for the third than for the first.
    const until = now() + Math.min(request.policy.deadlineMs ?? Infinity, settings.deadlineMs)
    const sessions: Promise<SessionOutcome>[] = []
    const onOpened = (outcome: Promise<SessionOutcome>): unknown => sessions.push(outcome)
    const terms = { ...options, until, onOpened }
    return new ContinuedAnswer(await this.begin(request, terms), request, terms, {
      sessions,
      settings: settings.failover ?? FAILOVER_DEFAULTS,
      begin: async (again, given) => await this.begin(again, given),
      now,
      timer: this.#options.timer ?? timer,
      learn: (provider, fault) => {
        this.#router.failed(provider)
        this.#learn(provider, fault)
      },
      onFailover: this.#options.onFailover,
    })
  }

  /**
   * Orders the request at the best provider, or the next ones, and resolves with the first token. With `terms.continues` and
   * `terms.exclude` it goes on with an answer elsewhere.
   *
   * @throws {HanseError} HANSE_MODEL_UNKNOWN, HANSE_NO_PROVIDER, or the most telling thing that a provider said
   */
  async begin(request: InferenceRequest, terms: BeginTerms): Promise<Purchase> {
    const { policy } = request
    const names = [request.model, ...(policy.models ?? [])]
    const { aliases } = this.#routing
    let fault: HanseError | undefined
    for (const { model, sort } of await modelChoices(names, aliases, this.#isOffered)) {
      try {
        const sorted = sort === undefined ? policy : { ...policy, sort }
        return await this.#beginWith(model, request, sorted, terms)
      } catch (error) {
        const next = asHanseError(error)
        fault = fault === undefined || isUnserved(fault) ? next : fault
        if (!isUnserved(next) && !ERRORS[next.code].retry) throw next
        if (terms.signal.aborted || this.#options.now() >= terms.until) throw fault
      }
    }
    throw fault ?? unknownModel(request.model)
  }

  async #beginWith(
    model: string,
    request: InferenceRequest,
    policy: RequestPolicy,
    terms: BeginTerms,
  ): Promise<Purchase> {
    const { exclude, requestFor = () => request, continues } = terms
    const candidates = (await this.#candidates(model, request.kind, policy)).filter(
      (candidate) =>
        exclude?.has(candidate.known.offer.provider) !== true &&
        requestFor(candidate.model) !== undefined,
    )
    if (candidates.length === 0)
      throw new HanseError('HANSE_NO_PROVIDER', `nobody else offers ${model.slice(0, 128)}`)
    const { maxOutputTokens } = request
    const traits = traitsOf(request.kind, request.json ?? parsed(request.body))
    const routed = { traits, maxOutputTokens, policy, continues: continues !== undefined }
    const plan = this.#router.plan(candidates, routed)
    return await firstToken(plan, request, routed, terms, {
      router: this.#router,
      order: (candidate, asked, given) => this.#buyer.order(candidate, asked, given),
      now: this.#options.now,
      timer: this.#options.timer ?? timer,
      learn: (provider, fault) => this.#learn(provider, fault),
    })
  }

  async #candidates(
    model: string,
    kind: RequestKind,
    policy: RequestPolicy,
  ): Promise<readonly MatchedOffer<FetchedOffer>[]> {
    const { directory, settings } = this.#options
    const allow = residencyOf(settings.residency, policy)?.allow ?? settings.residency.allow
    // Only the policy's own regions are looked up; the rest of the world just to explain an empty result.
    const inside = this.#match(
      await directory.find(model, allow.length === 0 ? ['*'] : allow),
      { model, kind },
      policy,
    )
    this.#tellRefused(inside, policy)
    if (inside.candidates.length > 0) return inside.candidates
    const everywhere = this.#match(await directory.find(model, ['*']), { model, kind }, policy)
    this.#tellRefused(everywhere, policy)
    if (everywhere.candidates.length > 0) return everywhere.candidates
    if (everywhere.excluded.length === 0) throw unknownModel(model)
    const why = everywhere.excluded[0]?.reasons[0]
    throw new HanseError(
      'HANSE_NO_PROVIDER',
      `no offer fits: ${summarize(everywhere)}; for one, ${why?.message}: ${why?.change}`,
    )
  }

  #tellRefused({ excluded }: Match<FetchedOffer>, policy: RequestPolicy): void {
    const { onRefused, settings } = this.#options
    if (onRefused === undefined) return
    const { trustedAttestors: _, ...own } = settings.residency
    for (const { known, reasons } of excluded) {
      const { reason, message } = reasons[0] ?? {}
      if (reason === undefined || message === undefined) continue
      const { provider, country } = known.offer
      const asked = residencyOf(own, policy) ?? own
      onRefused({ place: 'discovery', provider, country, reason, message, policy: asked })
    }
  }

  #match(
    offers: readonly FetchedOffer[],
    asked: { readonly model?: string | undefined; readonly kind?: RequestKind },
    policy: RequestPolicy,
  ): Match<FetchedOffer> {
    const { settings, now } = this.#options
    return matchOffers(offers, requirementOf(settings, policy, asked, now()))
  }

  /** What a failure says of what is known of the provider; how it counts in the choice is the router's. */
  #learn(provider: string, fault: HanseError): void {
    if (OFFER_OUTDATED.has(fault.code)) this.#options.directory.drop(provider)
  }
}

/** A request of common size, for comparisons. */
const USUAL: Omit<Routed, 'policy'> = {
  traits: { kind: 'chat', inputTokens: 1_000, features: [], beginning: undefined },
  maxOutputTokens: undefined,
  continues: false,
}

function timer(ms: number, run: () => void): () => void {
  const id = setTimeout(run, ms)
  return () => clearTimeout(id)
}

function isUnserved({ code }: HanseError): boolean {
  return code === 'HANSE_MODEL_UNKNOWN' || code === 'HANSE_NO_PROVIDER'
}

function unknownModel(name: string): HanseError {
  return new HanseError('HANSE_MODEL_UNKNOWN', `nobody offers the model ${name.slice(0, 128)}`)
}

/** What is wrong with it is for the engine to say. */
function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}
