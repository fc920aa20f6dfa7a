import { ERRORS, HanseError, type MatchedOffer, type OfferedModel } from '@hanse/protocol'
import type { OrderTerms, Purchase } from './buyer.ts'
import type { FetchedOffer } from './offer-directory.ts'
import type { InferenceRequest } from './request.ts'
import type { SessionOutcome } from './session-client.ts'

export interface BeginTerms extends OrderTerms {
  /** Peer ids that are not asked, whatever the policy says: they have failed this request already. */
  readonly exclude?: ReadonlySet<string>
  /** What to ask of a provider that offers this model, in place of the request; nothing leaves it out. */
  readonly requestFor?: (model: OfferedModel) => InferenceRequest | undefined
}

/** An answer of which the first token has come. */
export interface Begun {
  readonly purchase: Purchase
  /** How every other session ends that was opened on the way: of providers that failed, or lost a race. They may cost something. */
  readonly others: readonly Promise<SessionOutcome>[]
}

export interface FirstTokenOptions {
  readonly order: (
    candidate: MatchedOffer<FetchedOffer>,
    request: InferenceRequest,
    terms: OrderTerms,
  ) => Promise<Purchase>
  readonly now: () => number
  /** What a failure says about the provider. */
  readonly learn: (provider: string, fault: HanseError) => void
}

/** Asks one provider after the other until one has sent its first token. @throws {HanseError} */
export async function firstToken(
  candidates: readonly MatchedOffer<FetchedOffer>[],
  request: InferenceRequest,
  terms: BeginTerms,
  { order, now, learn }: FirstTokenOptions,
): Promise<Begun> {
  const { signal, until } = terms
  let fault: HanseError | undefined
  for (const candidate of candidates) {
    signal.throwIfAborted()
    if (now() >= until) throw new HanseError('HANSE_SESSION_DEADLINE', 'nobody answered in time')
    try {
      return { purchase: await order(candidate, request, terms), others: [] }
    } catch (error) {
      fault = asFault(error)
      learn(candidate.known.offer.provider, fault)
      // What one engine refuses of an answer that was begun elsewhere, another may take up.
      const final = !ERRORS[fault.code].retry && terms.continues === undefined
      const stop = request.policy.allowFallbacks === false || final
      if (signal.aborted || stop) throw fault
    }
  }
  throw fault ?? new HanseError('HANSE_NO_PROVIDER', `no provider for ${request.model}`)
}

function asFault(error: unknown): HanseError {
  if (error instanceof HanseError) return error
  if (error instanceof DOMException && error.name === 'AbortError') {
    return new HanseError('HANSE_SESSION_CANCELLED', 'the client went away', { cause: error })
  }
  return new HanseError('HANSE_INTERNAL', 'the request failed in this node', { cause: error })
}
