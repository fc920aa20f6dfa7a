import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { mean } from '../report/statistics.ts'
import { PROVIDER_CLASSES, type ProviderClass } from './classes.ts'
import {
  type HeldOutcome,
  runHeldBack,
  runStolen,
  runTrade,
  type StolenOutcome,
  type TradeOutcome,
} from './held-back.ts'
import type { MarketOutcome } from './outcome.ts'
import { MARKET, type MarketShape } from './plan.ts'
import { runMarket } from './run-market.ts'
import { SCENARIOS, SWEEPS, type Sweep } from './scenarios.ts'
import { type FreeRow, runFree, runStalls, type StallRow } from './window-lab.ts'

export interface ReportPlan {
  readonly seed: string
  /** Markets of each scenario. */
  readonly seeds: number
  readonly sweeps: readonly Sweep[]
  /** What is different from `MARKET` in all of them. */
  readonly base: Partial<MarketShape>
}

export const REPORT: ReportPlan = {
  seed: 'market 0',
  seeds: 8,
  sweeps: SWEEPS,
  base: { hours: MARKET.hours },
}

export interface MarketResults {
  readonly plan: ReportPlan
  readonly scenarios: readonly ScenarioResult[]
  readonly held: readonly HeldOutcome[]
  readonly stolen: readonly StolenOutcome[]
  readonly trade: readonly TradeOutcome[]
  readonly stalls: readonly StallRow[]
  readonly free: readonly FreeRow[]
}

export interface ScenarioResult {
  readonly sweep: Sweep
  readonly value: string
  readonly at: number
  /** In the order of the seeds. */
  readonly runs: readonly MarketOutcome[]
}

/** Home computers sleep when their owners work: the rest is open around the clock. */
const HOURS_A_DAY: Readonly<Record<ProviderClass, number>> = { home: 16, rack: 24, cloud: 24 }
/** What requests leave behind is collected in fewer rounds so: a third of the time. */
const YOUNG_MIB = 128
/** Figures are kept to so many digits: more is noise of the last bits. */
const DIGITS = 6

export const shapesOf = ({ seed, seeds, sweeps, base }: ReportPlan) =>
  SCENARIOS.filter(({ sweep }) => sweeps.includes(sweep)).map((scenario) => ({
    ...scenario,
    shapes: Array.from(
      { length: seeds },
      (_, i): MarketShape => ({ ...MARKET, ...base, ...scenario.changes, seed: `${seed}.${i}` }),
    ),
  }))

/** Every market has a seed of its own, so that it comes out the same whatever else runs, on however many threads. */
export async function runAll(
  plan: ReportPlan,
  progress: (done: number, text: string) => void,
  threads = Math.min(2, availableParallelism()),
): Promise<MarketResults> {
  const scenarios = shapesOf(plan)
  const outcomes = await runShapes(
    scenarios.flatMap(({ shapes }) => shapes),
    progress,
    threads,
  )
  const results = scenarios.map(({ sweep, value, at, shapes }, i): ScenarioResult => {
    const before = scenarios.slice(0, i).reduce((sum, one) => sum + one.shapes.length, 0)
    return { sweep, value, at, runs: outcomes.slice(before, before + shapes.length) }
  })
  const kept = rounded(results)
  return { plan, scenarios: kept, ...freshTables(kept) }
}

/** What follows from the markets, and what takes none. */
export const freshTables = (scenarios: readonly ScenarioResult[]) =>
  rounded({
    held: runHeldBack(perDayOf(scenarios)),
    stolen: runStolen(),
    trade: runTrade(),
    stalls: runStalls(),
    free: runFree(),
  })

/** What a provider of each class earns in a day, net, at the hourly earnings of the hours that were simulated. */
export function perDayOf(scenarios: readonly ScenarioResult[]): Record<ProviderClass, number> {
  const hours = scenarios.filter(({ sweep }) => sweep === 'base' || sweep === 'clock')
  const runs = hours.flatMap((one) => one.runs)
  const of = (type: ProviderClass) =>
    Math.max(0, mean(runs.map(({ classes }) => classes[type].netPerHour))) * HOURS_A_DAY[type]
  const [home = 0, rack = 0, cloud = 0] = PROVIDER_CLASSES.map(of)
  return { home, rack, cloud }
}

async function runShapes(
  shapes: readonly MarketShape[],
  progress: (done: number, text: string) => void,
  threads: number,
): Promise<MarketOutcome[]> {
  if (threads === 0) return await runHere(shapes, progress)
  const outcomes: MarketOutcome[] = []
  // The longest first, so that no thread is left alone with one at the end.
  const order = shapes
    .map((_, i) => i)
    .sort((a, b) => (shapes[b]?.hours ?? 0) - (shapes[a]?.hours ?? 0))
  let done = 0
  const finished = Promise.withResolvers<void>()
  const workers = Array.from({ length: Math.min(threads, shapes.length) }, () => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    })
    const feed = () => {
      const next = order.shift()
      if (next !== undefined) worker.postMessage({ place: next, shape: shapes[next] })
    }
    worker.on('error', finished.reject)
    worker.on('message', ({ place, outcome }: { place: number; outcome: MarketOutcome }) => {
      outcomes[place] = outcome
      done++
      progress(done / shapes.length, `${done} of ${shapes.length} markets`)
      if (done === shapes.length) finished.resolve()
      else feed()
    })
    feed()
    return worker
  })
  try {
    await finished.promise
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  return outcomes
}

/** One after the other, in this thread: for a few small ones that is sooner than starting others. */
async function runHere(
  shapes: readonly MarketShape[],
  progress: (done: number, text: string) => void,
): Promise<MarketOutcome[]> {
  const outcomes: MarketOutcome[] = []
  for (const shape of shapes) {
    outcomes.push(await runMarket(shape))
    progress(outcomes.length / shapes.length, `${outcomes.length} of ${shapes.length} markets`)
  }
  return outcomes
}

/** The same values with fewer digits, as the file keeps them. */
export function rounded<Value>(value: Value): Value {
  const text = JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'number' && !Number.isInteger(item) ? Number(item.toPrecision(DIGITS)) : item,
  )
  return JSON.parse(text) as Value
}
