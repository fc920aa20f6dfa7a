export interface RestartPace {
  /** Wait after a first fault, ms; it doubles with each further one. */
  readonly minMs: number
  readonly maxMs: number
  /** Who ran that long has recovered: the next fault is a first one. */
  readonly healthyMs: number
}

export const RESTART_PACE: RestartPace = { minMs: 500, maxMs: 60_000, healthyMs: 60_000 }

/** Waits ever longer between restarts, so that a model that breaks at once costs next to nothing. */
export class RestartBackoff {
  readonly #pace: RestartPace
  readonly #random: () => number
  #faults = 0

  /** @param random 0 up to 1: a fleet that failed together must not come back together */
  constructor(pace: RestartPace, random: () => number) {
    this.#pace = pace
    this.#random = random
  }

  /** How long to wait, ms, after a fault. @param ranMs how long it had run before */
  next(ranMs: number): number {
    if (ranMs >= this.#pace.healthyMs) this.#faults = 0
    // 2^30 times any wait is over every maximum.
    const waitMs = Math.min(this.#pace.maxMs, this.#pace.minMs * 2 ** Math.min(this.#faults, 30))
    this.#faults += 1
    return waitMs * (0.5 + this.#random() / 2)
  }
}
