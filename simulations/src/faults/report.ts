import type { SeedResult } from './run-seed.ts'
import { INVARIANTS, type Invariant } from './violation.ts'

/** What a run of many seeds came to. */
export interface Summary {
  readonly seeds: number
  readonly steps: number
  readonly seconds: number
  /** How often each thing happened, by name. */
  readonly counters: Readonly<Record<string, number>>
  readonly failures: readonly SeedResult[]
}

/** Adds up results as they come. */
export class Tally {
  readonly #counters = new Map<string, number>()
  readonly #failures: SeedResult[] = []
  #seeds = 0
  #steps = 0

  get seeds(): number {
    return this.#seeds
  }

  get failures(): number {
    return this.#failures.length
  }

  add(result: SeedResult): void {
    this.#seeds++
    this.#steps += result.steps
    for (const [name, count] of result.counters)
      this.#counters.set(name, (this.#counters.get(name) ?? 0) + count)
    if (result.failure !== undefined) this.#failures.push(result)
  }

  summary(seconds: number): Summary {
    const names = [...this.#counters].sort(([a], [b]) => (a < b ? -1 : 1))
    return {
      seeds: this.#seeds,
      steps: this.#steps,
      seconds,
      counters: Object.fromEntries(names),
      failures: this.#failures.toSorted((a, b) => a.seed - b.seed),
    }
  }
}

/** The counters, two columns. */
export function formatCounters({ counters }: Summary): string {
  return Object.entries(counters)
    .map(([name, count]) => `${String(count).padStart(9)}  ${name}`)
    .join('\n')
}

/** What was violated, what came before, and how to see it again with the same options. */
export function formatFailure({ seed, failure }: SeedResult, options = ''): string {
  if (failure === undefined) return ''
  const { invariant, detail, at, trace } = failure
  return [
    ...trace.map((line) => `    ${line}`),
    `seed ${seed} violates "${invariant}" after ${(at / 1000).toFixed(3)} s of its time: ${meaning(invariant)}`,
    `  ${detail}`,
    `  again: npm run sim:faults -- --seed ${seed}${options}`,
  ].join('\n')
}

function meaning(invariant: Invariant): string {
  return INVARIANTS[invariant]
}
