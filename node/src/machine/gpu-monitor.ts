import type { GpuReading } from './machine.ts'

export interface Timers {
  /** Runs once after `ms`; returns what undoes it. */
  after(ms: number, run: () => void): () => void
  /** Milliseconds since 1970. */
  now(): number
}

export interface GpuMonitorOptions {
  readonly everyMs: number
  readonly timers?: Timers
}

export interface GpuSample {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly readings: readonly GpuReading[]
}

const REAL_TIMERS: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    // Watching is no reason to stay alive.
    timer.unref()
    return () => clearTimeout(timer)
  },
  now: Date.now,
}

/** Reads the GPUs again and again while somebody listens: one reading at a time, each some time after the one before. */
export class GpuMonitor implements Disposable {
  readonly #read: () => Promise<readonly GpuReading[]>
  readonly #everyMs: number
  readonly #timers: Timers
  readonly #listeners = new Set<(sample: GpuSample) => void>()
  #latest: GpuSample | undefined
  #reading: Promise<GpuSample> | undefined
  #cancel: (() => void) | undefined

  constructor(
    read: () => Promise<readonly GpuReading[]>,
    { everyMs, timers = REAL_TIMERS }: GpuMonitorOptions,
  ) {
    this.#read = read
    this.#everyMs = everyMs
    this.#timers = timers
  }

  [Symbol.dispose](): void {
    this.#listeners.clear()
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** The last reading; `undefined` before the first. */
  get latest(): GpuSample | undefined {
    return this.#latest
  }

  /** Starts reading with the first listener, and ends with the last. @returns what takes the listener away */
  listen(listener: (sample: GpuSample) => void): () => void {
    this.#listeners.add(listener)
    if (this.#cancel === undefined && this.#reading === undefined) this.#poll()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#cancel?.()
      this.#cancel = undefined
    }
  }

  /** A reading now, or the one that is on its way. */
  async sample(): Promise<GpuSample> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined
    })
    return await this.#reading
  }

  async #readOnce(): Promise<GpuSample> {
    // A reader that fails leaves the last readings, with their time, to whoever judges how old is too old.
    const readings = await this.#read().catch(() => undefined)
    if (readings === undefined) return this.#latest ?? { at: this.#timers.now(), readings: [] }
    this.#latest = { at: this.#timers.now(), readings }
    for (const listener of this.#listeners) listener(this.#latest)
    return this.#latest
  }

  #poll(): void {
    this.#cancel = undefined
    void this.sample().then(() => {
      if (this.#listeners.size === 0 || this.#cancel !== undefined) return
      this.#cancel = this.#timers.after(this.#everyMs, () => this.#poll())
    })
  }
}
