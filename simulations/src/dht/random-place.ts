import type { Random } from '../kernel/random.ts'
import type { Place } from './ids.ts'

export const randomPlace = (random: Random): Place => ({
  high: random.next(),
  low: random.next() >>> 12,
})

/** Somebody else. */
export function other(random: Random, peers: number, one: number): number {
  const drawn = random.between(0, peers - 2)
  return drawn < one ? drawn : drawn + 1
}
