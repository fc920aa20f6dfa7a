import type { BreakerState } from './breaker.ts'
import { quantile } from './histogram.ts'
import type { Routable, Router } from './router.ts'
import type { Scored, ScoreParts } from './score.ts'

/** Why a provider is chosen for a model, or is not. */
export interface ProviderRow {
  readonly provider: string
  readonly country: string
  readonly model: string
  /** 1 for the best; 0.5 for one that is twice as bad. */
  readonly score: number
  /** What the score rests on. */
  readonly parts: ScoreParts
  /** Measured by this node, with what is presumed where little was measured. */
  readonly measured: {
    /** `null` when nothing was measured; ms, for a short prompt. */
    readonly firstTokenP50Ms: number | null
    readonly firstTokenP95Ms: number | null
    /** Sessions, those of long ago counted in part. */
    readonly observations: number
  }
  /** Tokens a second, as the provider says. */
  readonly claimedTokensPerSecond: number | null
  /** Pico-euro per token, decimal digits. */
  readonly inputPrice: string
  readonly outputPrice: string
  readonly state: BreakerState
  /** When it is asked again, ms since 1970; `null` for now. */
  readonly notBefore: number | null
  /** Orders of this node that run there. */
  readonly running: number
}

/** @param scored candidates for one model, best first */
export function providerRows<Known extends Routable>(
  router: Router<Known>,
  scored: readonly Scored<Known>[],
  now: number,
): readonly ProviderRow[] {
  const best = scored[0]?.loss ?? 0
  return scored.map(({ known, model, parts, loss }) => {
    const { provider, country } = known.offer
    const breaker = router.breaker(provider)
    const until = breaker.until(now)
    const { firstTokens } = router.measurements.recordOf(provider, model.id)
    return {
      provider,
      country,
      model: model.id,
      score: Math.exp(best - loss),
      parts,
      measured: {
        firstTokenP50Ms: quantile(firstTokens, 0.5) ?? null,
        firstTokenP95Ms: quantile(firstTokens, 0.95) ?? null,
        observations: parts.observations,
      },
      claimedTokensPerSecond: model.tokensPerSecond,
      inputPrice: model.inputPrice.toString(),
      outputPrice: model.outputPrice.toString(),
      state: breaker.state(now),
      notBefore: until === 0 ? null : until,
      running: router.runningAt(provider),
    }
  })
}
