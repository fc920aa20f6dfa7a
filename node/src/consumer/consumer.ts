import {
  ERRORS,
  type ErrorCode,
  HanseError,
  type Match,
  type MatchedOffer,
  matchOffers,
  type PicoEuro,
  summarize,
} from '@hanse/protocol'
import type { Answer } from './answer.ts'
import { Buyer, type BuyerOptions, type BuyerSettings } from './buyer.ts'
import { ContinuedAnswer } from './continuation/continued-answer.ts'
import { FAILOVER_DEFAULTS, type Failover, type FailoverSettings } from './continuation/failover.ts'
import { type BeginTerms, type Begun, firstToken } from './first-token.ts'
import type { FetchedOffer, OfferDirectory } from './offer-directory.ts'
import type { InferenceRequest, RequestOptions, RequestPolicy } from './request.ts'

export interface ConsumerSettings extends BuyerSettings {
  readonly deadlineMs: number
  /** How answers that stop in the middle go on elsewhere; as usual when absent. */
  readonly failover?: FailoverSettings
}

export interface ConsumerOptions extends BuyerOptions {
  readonly directory: OfferDirectory
  readonly settings: ConsumerSettings
  /** An answer goes on at another provider. */
  readonly onFailover?: (failover: Failover) => void
}

/** What a good provider says that has too much to do. */
const BUSY: ReadonlySet<ErrorCode> = new Set([
  'HANSE_CAPACITY',
  'HANSE_DEADLINE_UNREACHABLE',
  'HANSE_CONNECTION_LIMIT',
])

/** A consumer node: finds offers, orders, streams, countersigns. */
export class Consumer {
  readonly #options: ConsumerOptions
  readonly #buyer: Buyer

  constructor(options: ConsumerOptions) {
    this.#options = options
    this.#buyer = new Buyer({
      ...options,
      onEnd: (outcome) => {
        options.onEnd?.(outcome)
        if (outcome.error !== undefined) this.#learn(outcome.provider, outcome.error)
      },
    })
  }

  /** Which offers of a model (of all, without one) fit the policy, and why the others do not. */
  async match(model?: string, policy: RequestPolicy = {}): Promise<Match<FetchedOffer>> {
    const { directory } = this.#options
    const offers =
      model === undefined ? await directory.browse() : await directory.find(model, ['*'])
    return this.#match(offers, model, policy)
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
    const terms = { ...options, until }
    return new ContinuedAnswer(await this.begin(request, terms), request, terms, {
      settings: settings.failover ?? FAILOVER_DEFAULTS,
      begin: async (again, given) => await this.begin(again, given),
      now,
      learn: (provider, fault) => this.#learn(provider, fault),
      onFailover: this.#options.onFailover,
    })
  }

  /**
   * Orders the request at the best provider, or the next ones, and resolves with the first token. With `terms.continues` and
   * `terms.exclude` it goes on with an answer elsewhere.
   *
   * @throws {HanseError} HANSE_MODEL_UNKNOWN, HANSE_NO_PROVIDER, or the most telling thing that a provider said
   */
  async begin(request: InferenceRequest, terms: BeginTerms): Promise<Begun> {
    const { exclude, requestFor = () => request } = terms
    const candidates = (await this.#candidates(request)).filter(
      ({ known, model }) =>
        exclude?.has(known.offer.provider) !== true && requestFor(model) !== undefined,
    )
    return await firstToken(candidates, request, terms, {
      order: (candidate, asked, given) =>
        this.#buyer.order(candidate, requestFor(candidate.model) ?? asked, given),
      now: this.#options.now,
      learn: (provider, fault) => this.#learn(provider, fault),
    })
  }

  async #candidates({
    model,
    policy,
  }: InferenceRequest): Promise<readonly MatchedOffer<FetchedOffer>[]> {
    const { directory, settings } = this.#options
    const allow = policy.regions ?? settings.residency.allow
    // Only the policy's own regions are looked up; the rest of the world just to explain an empty result.
    const inside = this.#match(
      await directory.find(model, allow.length === 0 ? ['*'] : allow),
      model,
      policy,
    )
    if (inside.candidates.length > 0) return inside.candidates
    const everywhere = await this.match(model, policy)
    if (everywhere.candidates.length > 0) return everywhere.candidates
    if (everywhere.excluded.length === 0) {
      throw new HanseError('HANSE_MODEL_UNKNOWN', `nobody offers the model ${model.slice(0, 128)}`)
    }
    const why = everywhere.excluded[0]?.reasons[0]
    throw new HanseError(
      'HANSE_NO_PROVIDER',
      `no offer fits: ${summarize(everywhere)}; for one, ${why?.message}: ${why?.change}`,
    )
  }

  #match(
    offers: readonly FetchedOffer[],
    model: string | undefined,
    policy: RequestPolicy,
  ): Match<FetchedOffer> {
    const { settings, now } = this.#options
    const { residency } = settings
    const maxInputPrice = lowest(settings.maxInputPrice, policy.maxInputPrice)
    const maxOutputPrice = lowest(settings.maxOutputPrice, policy.maxOutputPrice)
    return matchOffers(offers, {
      ...(model === undefined ? {} : { model }),
      ...(maxInputPrice === undefined ? {} : { maxInputPrice }),
      ...(maxOutputPrice === undefined ? {} : { maxOutputPrice }),
      residency,
      now: now(),
    })
  }

  /** What a failure says about the provider. */
  #learn(provider: string, fault: HanseError): void {
    if (fault.code.startsWith('HANSE_AUTHORIZATION')) this.#options.authorizer.forget(provider)
    // A busy provider is still a good one; any other failure that may not repeat elsewhere makes it prove itself again.
    if (ERRORS[fault.code].retry && !BUSY.has(fault.code)) this.#options.directory.drop(provider)
  }
}

function lowest(one: PicoEuro | undefined, other: PicoEuro | undefined): PicoEuro | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
