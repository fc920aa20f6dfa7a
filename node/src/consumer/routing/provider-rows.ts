import type { BreakerState } from './breaker.ts'
import { quantile } from './histogram.ts'
import type { Measurements } from './measurements.ts'
import type { Routable, Router } from './router.ts'
import type { Scored, ScoreParts } from './score.ts'

/** Why a provider is chosen for a model, or is not. */
export interface ProviderRow {
  readonly provider: string
  readonly country: string
  readonly model: string
  /** 1 for the best; 0.5 for one that is twice as bad. */
  readonly score: number
  /** What the score rests on: expectations, where little was measured. */
  readonly parts: ScoreParts
  /** By this node and nobody else, the latest counting most; `null` where nothing was measured. */
  readonly measured: {
    /** For a short prompt. */
    readonly firstTokenP50Ms: number | null
    readonly firstTokenP95Ms: number | null
    readonly tokensPerSecond: number | null
    /** 0 to 1. */
    readonly errorRate: number | null
    /** Share of its answers that others did not confirm, of all of its models, 0 to 1. */
    readonly refuted: number | null
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
    return {
      provider,
      country,
      model: model.id,
      score: Math.exp(best - loss),
      parts,
      measured: measuredOf(router.measurements, provider, model.id, parts.observations),
      claimedTokensPerSecond: model.tokensPerSecond,
      inputPrice: model.inputPrice.toString(),
      outputPrice: model.outputPrice.toString(),
      state: breaker.state(now),
      notBefore: until === 0 ? null : until,
      running: router.runningAt(provider),
    }
  })
}

function measuredOf(
  measurements: Measurements,
  provider: string,
  model: string,
  observations: number,
): ProviderRow['measured'] {
  const { firstTokens, tokenMs, failures } = measurements.recordOf(provider, model)
  // Who cheats with one model is not to be trusted with another.
  const { doubts } = measurements.recordOf(provider, '')
  return {
    firstTokenP50Ms: quantile(firstTokens, 0.5) ?? null,
    firstTokenP95Ms: quantile(firstTokens, 0.95) ?? null,
    tokensPerSecond: tokenMs.weight === 0 ? null : 1_000 / Math.max(tokenMs.mean, 0.001),
    errorRate: failures.weight === 0 ? null : failures.mean,
    refuted: doubts.weight === 0 ? null : doubts.mean,
    observations,
  }
}
