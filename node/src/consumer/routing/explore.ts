import type { KnownOffer } from '@hanse/protocol'
import type { Scored, ScoreParts } from './score.ts'

/** After so many sessions a provider is known. */
const KNOWN_OBSERVATIONS = 3
/** Worse than the best by more than this, a newcomer is not expected to become the best: twice as bad. */
const PROMISING_LOSS_MAX = Math.log(2)
/** With fewer that are known, what strangers are usually like is a guess; see `PRIORS.marketWeight`. */
const MARKET_KNOWN_MIN = 8

/**
 * A provider that is worth getting to know, instead of the best: of those of whom little is known, one that is expected to be
 * nearly as good. Where nobody is, and few are known at all, one that would be if it were as fast as the best. `undefined`
 * when there is none, or the best is one itself.
 *
 * @param random in [0, 1)
 */
export function chooseExplored<Known extends KnownOffer>(
  ranked: readonly Scored<Known>[],
  lossOf: (parts: ScoreParts) => number,
  random: number,
): Scored<Known> | undefined {
  const [best] = ranked
  if (best === undefined || best.parts.observations < KNOWN_OBSERVATIONS) return undefined
  const unknown = ranked.filter(({ parts }) => parts.observations < KNOWN_OBSERVATIONS)
  const strangers = unknown.filter(
    ({ parts }) => parts.fits === best.parts.fits && parts.occupancy < 1,
  )
  const expected = strangers.filter(({ loss }) => loss - best.loss <= PROMISING_LOSS_MAX)
  const hoped = () =>
    strangers.filter(
      ({ parts }) => lossOf(asFast(parts, best.parts)) - best.loss <= PROMISING_LOSS_MAX,
    )
  const guesses = ranked.length - unknown.length < MARKET_KNOWN_MIN
  const promising = expected.length === 0 && guesses ? hoped() : expected
  return promising[Math.floor(random * promising.length)]
}

function asFast(parts: ScoreParts, best: ScoreParts): ScoreParts {
  return {
    ...parts,
    firstTokenMs: Math.min(parts.firstTokenMs, best.firstTokenMs),
    tokensPerSecond: Math.max(parts.tokensPerSecond, best.tokensPerSecond),
    answerMs: Math.min(parts.answerMs, best.answerMs),
  }
}
