import { type Measurements, promptScale } from './measurements.ts'

export const HEDGE = {
  /** Later than this share of the first tokens before is late. */
  quantile: 0.95,
  /** Below, the second provider could not be faster by much; ms. */
  msMin: 150,
  /** Where too little is known to say what is late; ms. */
  msUnknown: 3_000,
} as const

export const PATIENCE = {
  /** Models are loaded, and long prompts read, within this; ms. */
  msMin: 30_000,
  /** So many times what is late: then something is wrong. */
  times: 5,
} as const

/** When the first token is late enough for a second provider to be asked, ms after the order. */
export function hedgeAfterMs(
  measurements: Measurements,
  provider: string,
  model: string,
  inputTokens: number,
  now: number,
): number {
  const usual = measurements.firstTokenQuantile(provider, model, HEDGE.quantile, now)
  return Math.max(HEDGE.msMin, (usual ?? HEDGE.msUnknown) * promptScale(inputTokens))
}

/** When it is so late that another provider is asked, hedging or not, ms after the order. */
export function patienceMs(hedgeMs: number): number {
  return Math.max(PATIENCE.msMin, hedgeMs * PATIENCE.times)
}
