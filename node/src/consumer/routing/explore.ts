import type { KnownOffer } from '@hanse/protocol'
import type { Scored } from './score.ts'

/** After so many sessions a provider is known. */
const KNOWN_OBSERVATIONS = 3
/** Worse than the best by more than this, a newcomer is not expected to become the best: twice as bad. */
const PROMISING_LOSS_MAX = Math.log(2)

/**
 * A provider that is worth getting to know, instead of the best: of those of whom little is known, one that might be as good;
 * `undefined` when there is none, or the best is one itself.
 *
 * @param random in [0, 1)
 */
export function chooseExplored<Known extends KnownOffer>(
  ranked: readonly Scored<Known>[],
  random: number,
): Scored<Known> | undefined {
  const [best] = ranked
  if (best === undefined || best.parts.observations < KNOWN_OBSERVATIONS) return undefined
  const promising = ranked.filter(
    ({ parts, loss }) =>
      parts.observations < KNOWN_OBSERVATIONS &&
      parts.fits === best.parts.fits &&
      parts.occupancy < 1 &&
      loss - best.loss <= PROMISING_LOSS_MAX,
  )
  return promising[Math.floor(random * promising.length)]
}
