import type { Random } from '../kernel/random.ts'

/** A provider goes, with a word or without, and comes back. */
export interface Departure {
  /** Seconds since the one before. */
  readonly afterSeconds: number
  readonly provider: string
  /** `kill`: SIGKILL, as a power cut; `leave`: SIGTERM, as an owner who goes. */
  readonly how: 'kill' | 'leave'
  readonly awaySeconds: number
}

/** Half of them are there at any time. */
const THERE_SHARE = 0.5

/**
 * Who goes next. In turns they are killed and leave, so that a short run has both.
 *
 * @param there names of the providers that are there now
 * @returns `undefined` when no more may go
 */
export function nextDeparture(
  random: Random,
  turn: number,
  there: readonly string[],
  all: number,
  everySeconds: number,
): Departure | undefined {
  const afterSeconds = everySeconds * (0.5 + random.float())
  const awaySeconds = everySeconds * (0.3 + random.float())
  if (there.length - 1 < Math.max(1, all * THERE_SHARE)) return undefined
  const provider = random.pick(there.toSorted())
  return { afterSeconds, provider, how: turn % 2 === 0 ? 'kill' : 'leave', awaySeconds }
}
