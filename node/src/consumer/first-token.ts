import type { HanseError, MatchedOffer, OfferedModel } from '@hanse/protocol'
import type { OrderTerms, Purchase } from './buyer.ts'
import type { FetchedOffer } from './offer-directory.ts'
import type { InferenceRequest } from './request.ts'
import type { Attempt } from './routing/attempt.ts'
import type { Plan } from './routing/plan.ts'
import { type Contender, race } from './routing/race.ts'
import type { Routed, Router } from './routing/router.ts'

export interface BeginTerms extends OrderTerms {
  /** Peer ids that are not asked, whatever the policy says: they have failed this request already. */
  readonly exclude?: ReadonlySet<string>
  /** What to ask of a provider that offers this model, in place of the request; nothing leaves it out. */
  readonly requestFor?: (model: OfferedModel) => InferenceRequest | undefined
}

export interface FirstTokenOptions {
  readonly router: Router<FetchedOffer>
  readonly order: (
    candidate: MatchedOffer<FetchedOffer>,
    request: InferenceRequest,
    terms: OrderTerms,
  ) => Promise<Purchase>
  readonly now: () => number
  /** Calls once, unless it is taken back. */
  readonly timer: (ms: number, run: () => void) => () => void
  /** What a failure says about the provider. */
  readonly learn: (provider: string, fault: HanseError) => void
}

/** Asks providers as they are planned until one has sent its first token. @throws {HanseError} the most telling fault */
export async function firstToken(
  plan: Plan<FetchedOffer>,
  request: InferenceRequest,
  routed: Routed,
  terms: BeginTerms,
  options: FirstTokenOptions,
): Promise<Purchase> {
  const { router, now, timer } = options
  const { signal, until } = terms
  return await race<Purchase>({
    next: () => {
      const candidate = plan.next()
      if (candidate === undefined) return undefined
      const asked = terms.requestFor?.(candidate.model) ?? request
      const attempt = router.attempt(candidate, routed)
      return contender({ candidate, asked, attempt, plan, routed, terms }, options)
    },
    hasNext: () => plan.hasNext,
    takeHedge: () => router.takeHedge(),
    mayFallBack: request.policy.allowFallbacks !== false,
    // What one engine refuses of an answer that was begun elsewhere, another may take up.
    believesRefusals: terms.continues === undefined,
    timer,
    now,
    until,
    signal,
  })
}

interface Asked {
  readonly candidate: MatchedOffer<FetchedOffer>
  readonly asked: InferenceRequest
  readonly attempt: Attempt
  readonly plan: Plan<FetchedOffer>
  readonly routed: Routed
  readonly terms: BeginTerms
}

function contender(
  { candidate, asked, attempt, plan, routed, terms }: Asked,
  { router, order, learn }: FirstTokenOptions,
): Contender<Purchase> {
  const { provider } = candidate.known.offer
  const lateness = router.lateness(candidate, routed)
  let ordered = false
  return {
    ...lateness,
    order: async (lost) => {
      const purchase = await order(candidate, asked, {
        ...terms,
        signal: AbortSignal.any([terms.signal, lost]),
        onOpened: (outcome) => {
          ordered = true
          terms.onOpened?.(outcome)
        },
      })
      const cancel = () => {
        attempt.cancelled()
        purchase.cancel()
      }
      return { ...purchase, cancel }
    },
    won: (purchase) => {
      attempt.firstToken()
      router.served(candidate, routed)
      follow(purchase, attempt, terms.signal)
    },
    failed: (error, cancelled) => {
      const verdict = attempt.failed(error, ordered, cancelled)
      // The end of a session is learned from as such.
      if (!ordered) learn(provider, error)
      if (error.code === 'HANSE_CONTEXT_LENGTH') plan.needsMoreThan(candidate.model.contextLength)
      return verdict
    },
    lost: () => attempt.lost(lateness.patienceMs),
    // What it has sent meanwhile is paid for; somebody has to read it, or its receipt would not come.
    discard: (purchase) => void drain(purchase),
  }
}

/** Learns from the rest of the answer. */
function follow(purchase: Purchase, attempt: Attempt, signal: AbortSignal): void {
  void purchase.outcome.then(({ error, last }) =>
    attempt.ended({
      code: error?.code,
      cancelled: signal.aborted,
      outputTokens: Number(last?.outputTokens ?? 0n),
    }),
  )
}

async function drain({ payloads }: Purchase): Promise<void> {
  try {
    for await (const _ of payloads);
  } catch {
    // It was cancelled: that is how it ends.
  }
}
