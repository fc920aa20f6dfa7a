/** How a series is made: a weekday pattern times what else is given. */
export interface Recipe {
  readonly days: number
  /** Standard deviation of a day, in logarithms: 0.1 is about a tenth. */
  readonly noise: number
  /** How strong weekdays are; 0 none, 1 a fifth less on Sundays. */
  readonly weekdays?: number
  /** Growth of a day. */
  readonly growth?: number
  /** Chance of a burst on a day, and how many times more it brings at most. */
  readonly bursts?: number
  readonly burstSize?: number
  /** What the second half is multiplied by. */
  readonly shift?: number
  /** Chance of an empty day. */
  readonly empty?: number
  /** Nothing on the last two days of each week. */
  readonly isWorkdaysOnly?: boolean
}

const LEVEL = 1_000
const PATTERN = [1, 1.05, 1.08, 1.1, 1.12, 0.95, 0.8]
/** What of a burst is still there a day later. */
const LINGERING = 0.4

/** The same seed makes the same series. */
export function madeSeries(recipe: Recipe, seed: number): number[] {
  const { days, noise, weekdays = 1, growth = 0, bursts = 0, burstSize = 1, shift = 1 } = recipe
  const random = randomOf(seed)
  let burst = 0
  return Array.from({ length: days }, (_, day) => {
    burst *= LINGERING
    if (random() < bursts) burst += Math.log(1 + burstSize * (0.5 + random()))
    const pattern = 1 + ((PATTERN[day % 7] ?? 1) - 1) * weekdays
    const moved = day >= days / 2 ? shift : 1
    const value = LEVEL * pattern * moved * Math.exp(noise * normal(random) + growth * day + burst)
    const isEmpty =
      random() < (recipe.empty ?? 0) || (recipe.isWorkdaysOnly === true && day % 7 > 4)
    return isEmpty ? 0 : Math.round(value)
  })
}

/** Mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
