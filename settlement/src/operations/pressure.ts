import { getHeapStatistics } from 'node:v8'

/** Why this process should not be given more now. */
export interface Overload {
  /** What is scarce, for logs and metrics: lower case with hyphens. */
  readonly what: string
  /** When there may be more of it, milliseconds from now. */
  readonly retryAfterMs: number
}

/** Asked at every request, so it must be cheap. */
export type PressureCheck = () => Overload | undefined

export interface PressureLimits {
  /** Mean delay of the event loop in three seconds, one after the other; milliseconds. */
  readonly eventLoopMs: number
  /** Of this thread; what is beyond is so near the end that the next batch may be the last. */
  readonly heapBytes: number
  /** Requests that are being answered. With bodies of at most 64 KiB a thousand hold 64 MiB. */
  readonly requests: number
}

/** The part of V8's own limit that may be full. */
const HEAP_PART = 0.85

/** A second is twenty times the answer time that is aimed at. */
export const defaultPressureLimits = (): PressureLimits => ({
  eventLoopMs: 1_000,
  heapBytes: Math.floor(getHeapStatistics().heap_size_limit * HEAP_PART),
  requests: 1_000,
})

/**
 * What tells this process to refuse work before its memory grows. Whoever keeps a queue adds a check of its own: then the
 * queue's being full makes the process not ready, and its requests are refused with `retry-after`.
 */
export class Pressure {
  readonly #checks = new Set<PressureCheck>()

  add(check: PressureCheck): Disposable {
    this.#checks.add(check)
    return { [Symbol.dispose]: () => void this.#checks.delete(check) }
  }

  /** The first that is scarce. */
  get overload(): Overload | undefined {
    for (const check of this.#checks) {
      const overload = check()
      if (overload !== undefined) return overload
    }
    return undefined
  }
}
