import { setTimeout as delay } from 'node:timers/promises'
import type { Gpu, GpuReading } from '../../machine/machine.ts'
import { GpuGuard, type GpuGuardOptions } from './gpu-guard.ts'
import type { OwnerSwitch } from './owner-switch.ts'
import type { Schedule } from './schedule.ts'

export interface AvailabilityOptions {
  readonly owner: OwnerSwitch
  readonly schedule?: Schedule | undefined
  readonly guard?: AvailabilityGuard | undefined
  readonly now: () => number
}

export interface AvailabilityGuard extends GpuGuardOptions {
  readonly gpus: readonly Gpu[]
  readonly read: () => Promise<readonly GpuReading[]>
  readonly everyMs: number
  /** Answers that are being made. */
  readonly running: () => number
  /** Which of these processes are this node's or its engines'; `undefined` where that cannot be told of all. */
  readonly ownProcesses?: (pids: readonly number[]) => Promise<ReadonlySet<number> | undefined>
  readonly onFailure?: (error: unknown) => void
}

/** Timers drift and machines sleep: the schedule is looked at again at least this often. */
const LOOK_MS = 60_000

/** Whether this provider takes orders: not while its owner, the schedule or a GPU says no. */
export class Availability implements AsyncDisposable {
  readonly #options: AvailabilityOptions
  readonly #guard: GpuGuard | undefined
  readonly #stopping = new AbortController()
  readonly #listeners = new Set<() => void>()
  readonly #loops: Promise<void>[] = []
  /** As it was when listeners were last told. */
  #told = ''

  constructor(options: AvailabilityOptions) {
    this.#options = options
    this.#guard = options.guard === undefined ? undefined : new GpuGuard(options.guard)
    this.#told = this.#state()
  }

  /** Starts to watch the clock and the GPUs. */
  start(): void {
    const { schedule, guard } = this.#options
    if (schedule !== undefined) this.#loops.push(this.#watchClock(schedule))
    if (guard !== undefined) this.#loops.push(this.#watchGpus(guard))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    this.#listeners.clear()
    await Promise.all(this.#loops)
  }

  isOpen(): boolean {
    return this.reasons().length === 0
  }

  /** Why it is paused, in words for the owner; empty while it is open. */
  reasons(): string[] {
    const { owner, schedule, now } = this.#options
    return [
      ...(owner.paused ? ['paused by the owner'] : []),
      ...(schedule === undefined || schedule.isOpen(now()) ? [] : ['outside the schedule']),
      ...(this.#guard?.reasons ?? []),
    ]
  }

  /** When it opens again, as far as a schedule can tell; 0 while it is open, `undefined` where nobody knows. */
  reopensInMs(): number | undefined {
    const { owner, schedule, now } = this.#options
    const at = now()
    if (this.isOpen()) return 0
    const others = owner.paused || (this.#guard?.reasons.length ?? 0) > 0
    const next = schedule?.nextChange(at)
    if (others || next === undefined) return undefined
    return Math.max(0, next - at)
  }

  /** For admission: `undefined` while it is open. */
  pause(): { readonly reopensInMs: number | undefined } | undefined {
    return this.isOpen() ? undefined : { reopensInMs: this.reopensInMs() }
  }

  /** The owner pauses, or ends the pause; a schedule or a GPU may still hold it back. Resolves when it is on disk. */
  async setPaused(paused: boolean): Promise<void> {
    const saved = this.#options.owner.set(paused)
    this.#tell()
    await saved
  }

  /** Tells when it opens, pauses, or pauses for another reason. @returns how to stop that */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #watchClock(schedule: Schedule): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      // Before each wait: the hour may have come between two looks.
      this.#tell()
      const now = this.#options.now()
      const next = schedule.nextChange(now) ?? Number.POSITIVE_INFINITY
      await this.#sleep(Math.min(LOOK_MS, Math.max(1, next - now)))
    }
  }

  async #watchGpus(guard: AvailabilityGuard): Promise<void> {
    let worked = false
    while (!this.#stopping.signal.aborted) {
      const working = guard.running() > 0
      try {
        const readings = await guard.read()
        const pids = readings.flatMap(({ processes }) => processes.map(({ pid }) => pid))
        const ownProcesses = await guard.ownProcesses?.(pids)
        // The utilization that drivers tell looks back, so an answer that has just ended still shows in it.
        const still = guard.running() > 0
        this.#guard?.observe(readings, {
          working: worked || working || still,
          ownProcesses,
          gpus: guard.gpus,
        })
      } catch (error) {
        // What was known stays: a driver that does not answer is no sign that a GPU has cooled down.
        guard.onFailure?.(error)
      }
      worked = working || guard.running() > 0
      this.#tell()
      await this.#sleep(guard.everyMs)
    }
  }

  #tell(): void {
    if (this.#stopping.signal.aborted) return
    const state = this.#state()
    if (state === this.#told) return
    this.#told = state
    for (const listener of this.#listeners) listener()
  }

  #state(): string {
    return this.reasons().join('\n')
  }

  async #sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {})
  }
}
