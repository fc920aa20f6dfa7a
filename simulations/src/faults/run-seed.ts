import type { Cheat } from './cheats.ts'
import { type Invariant, InvariantViolation } from './violation.ts'
import { World } from './world.ts'

export interface SeedResult {
  readonly seed: number
  /** Of everything that happened: equal for equal code and seed. */
  readonly hash: string
  readonly steps: number
  readonly counters: ReadonlyMap<string, number>
  readonly failure: Failure | undefined
}

export interface Failure {
  readonly invariant: Invariant
  readonly detail: string
  readonly at: number
  /** The last lines of the trace. */
  readonly trace: readonly string[]
}

export interface SeedOptions {
  /** Of the trace of a failure. */
  readonly lines?: number
  /** The one thing that cheats do, if not any. */
  readonly focus?: Cheat
}

const TRACE_LINES = 60

/** Runs the world of one seed to its end. */
export async function runSeed(
  seed: number,
  { lines = TRACE_LINES, focus }: SeedOptions = {},
): Promise<SeedResult> {
  const world = new World(`faults/${seed}`, focus)
  let failure: Failure | undefined
  try {
    await world.run()
  } catch (error) {
    const known = error instanceof InvariantViolation
    failure = {
      invariant: known ? error.invariant : 'crash',
      detail: known ? error.message : String(error instanceof Error ? error.stack : error),
      at: world.kernel.now,
      trace: world.kernel.trace.tail(lines),
    }
  }
  const { trace, steps, counters } = world.kernel
  return { seed, hash: trace.hash, steps, counters, failure }
}
