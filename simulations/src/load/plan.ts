export interface LoadPlan {
  readonly seed: number
  /** Of the soak, after the ramp. */
  readonly minutes: number
  /** Grown until the machine holds no more, when left out. */
  readonly providers?: number
  readonly consumers?: number
  /** Sessions of all consumers at once; found out by a ramp when left out. */
  readonly atOnce?: number
  /** Between two providers that leave. */
  readonly churnSeconds: number
}

/** Output tokens of a session, and how many the engine gives in a second: a stream of two thirds of a second. */
export const TOKENS = 64
export const TOKENS_PER_SECOND = 100
/** Two receipts for each session, so that one that is cut in the middle has something to pay. */
export const RECEIPT_EVERY = 32

/** Each is a process of 150 to 400 MiB. */
export const PROVIDERS_MAX = 64
export const CONSUMERS_MAX = 32
export const AT_ONCE_MAX = 512

/** What a machine must do to hold a load: answer soon, without failures, with memory left for what comes back. */
export const HELD = {
  firstTokenP95Ms: 1_000,
  failedShareMost: 0.01,
  memoryFreeShareLeast: 0.2,
} as const

/** The money of each consumer, cents: beyond what any run of a day spends at these prices. */
export const TOP_UP_CENTS = 100_000n
export const PRICES = { inputPrice: '1', outputPrice: '10' } as const
