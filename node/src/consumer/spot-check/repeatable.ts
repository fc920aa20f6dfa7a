/** What a request says of how it is to be sampled. */
export interface Sampling {
  /** The likeliest token each time: honest engines with the same weights say nearly the same. */
  readonly greedy: boolean
  readonly seed: number | undefined
}

/** @returns `undefined` for a request whose answers cannot be compared at all */
export function samplingOf(body: Uint8Array): Sampling | undefined {
  const parsed = objectOf(body)
  if (parsed === undefined) return undefined
  const { temperature, top_k, seed, n } = parsed
  if (n !== undefined && n !== null && n !== 1) return undefined
  return {
    greedy: temperature === 0 || top_k === 1,
    seed: Number.isSafeInteger(seed) ? (seed as number) : undefined,
  }
}

/** The same request with a seed of its own, for an engine that would choose another one. */
export function withSeed(body: Uint8Array, seed: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...objectOf(body), seed }))
}

function objectOf(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
