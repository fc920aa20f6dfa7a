/** What was used of one model at one time, without a cost that was reported. */
export interface UnratedUsage {
  readonly provider: string
  readonly model: string
  /** What another price depends on, such as `batch`; empty for the usual one. */
  readonly tier: string
  /** The hour or the day, milliseconds since 1970. */
  readonly at: number
  readonly requests: bigint
  /** With what was read from and written to a cache. */
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly cacheWriteTokens: bigint
  /** Of the tokens that were written, those that are kept for an hour. */
  readonly longCacheWriteTokens: bigint
  /** With reasoning. */
  readonly outputTokens: bigint
  readonly reasoningTokens: bigint
}

export interface Rating {
  /** An exact decimal. */
  readonly amount: string
  readonly currency: string
}

/**
 * What usage costs by the price tables that are known. `undefined` where none says it: such usage stays visible as not
 * rated, and is never taken for free.
 */
export type Rate = (usage: UnratedUsage) => Rating | undefined

/** Where there are no price tables. */
export const rateNothing: Rate = () => undefined
