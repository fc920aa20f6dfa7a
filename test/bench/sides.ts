import type { Asker } from './load-client.ts'
import { cpuUs, type Watched } from './process-use.ts'
import type { Figure, Run, Scenario } from './scenarios.ts'
import { type Spread, spreadOf } from './statistics.ts'

/** One way to the same engine. */
export interface Side<Target = Asker> {
  readonly name: string
  readonly target: Target
  /** Whose CPU time counts while this side is asked. */
  readonly watched: readonly Watched[]
}

export interface SidesResult {
  readonly figures: readonly SideFigure[]
  readonly costs: readonly SideCost[]
}

export interface SideFigure extends Figure {
  readonly sides: Readonly<Record<string, Spread>>
  /** Over the first side, round by round. */
  readonly ratios: Readonly<Record<string, Spread>>
  /** Less the first side, round by round. */
  readonly added: Readonly<Record<string, Spread>>
}

/** CPU time of the watched processes in one round of a scenario. */
export interface SideCost {
  readonly side: string
  readonly scenario: string
  readonly answers: number
  readonly tokens: number
  /** By process, µs of a core; empty where the system does not tell. */
  readonly processes: Readonly<Record<string, Spread>>
}

interface Sample {
  readonly scenario: Scenario<never>
  readonly side: string
  readonly run: Run
  readonly cpuUs: ReadonlyMap<string, number>
}

/**
 * Measures all sides in turn in each round, in another order each time, so that what else the machine does falls on all.
 * `onRound` is called after each, with how many there were.
 */
export async function measureSides<Target>(
  sides: readonly Side<Target>[],
  scenarios: readonly Scenario<Target>[],
  rounds: number,
  onRound: (done: number) => void = () => {},
): Promise<SidesResult> {
  const samples: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    for (const scenario of scenarios) {
      for (let i = 0; i < sides.length; i++) {
        const side = sides[(i + round) % sides.length]
        if (side !== undefined) samples.push(await measureOnce(side, scenario))
      }
    }
    onRound(round + 1)
  }
  const names = sides.map(({ name }) => name)
  return {
    figures: scenarios.flatMap(({ figures }) =>
      figures.map((figure) => figureOf(figure, names, samples)),
    ),
    costs: scenarios.flatMap(({ id }) => names.map((side) => costOf(id, side, samples))),
  }
}

async function measureOnce<Target>(
  side: Side<Target>,
  scenario: Scenario<Target>,
): Promise<Sample> {
  const before = side.watched.map(({ pid }) => cpuUs(pid))
  const run = await scenario.run(side.target)
  const spent = side.watched.flatMap(({ name, pid }, i) => {
    const [from, to] = [before[i], cpuUs(pid)]
    return from === undefined || to === undefined ? [] : [[name, to - from] as const]
  })
  return { scenario, side: side.name, run, cpuUs: new Map(spent) }
}

/** A figure from what every side gave for it, in each of the rounds. */
export function figureOver(
  figure: Figure,
  values: ReadonlyMap<string, readonly number[]>,
): SideFigure {
  const [base = []] = values.values()
  const each = (spread: (own: readonly number[]) => Spread) =>
    Object.fromEntries([...values].map(([side, own]) => [side, spread(own)]))
  return {
    ...figure,
    sides: each(spreadOf),
    ratios: each((own) => spreadOf(own.map((value, i) => value / (base[i] ?? Number.NaN)))),
    added: each((own) => spreadOf(own.map((value, i) => value - (base[i] ?? Number.NaN)))),
  }
}

function figureOf(
  figure: Figure,
  sides: readonly string[],
  samples: readonly Sample[],
): SideFigure {
  const { id, title, unit, better } = figure
  const ofSide = (side: string): number[] =>
    samples
      .filter((sample) => sample.side === side && id in sample.run.values)
      .map(({ run }) => run.values[id] ?? Number.NaN)
  const values = new Map(sides.map((side) => [side, ofSide(side)]))
  return figureOver({ id, title, unit, better }, values)
}

function costOf(scenario: string, side: string, samples: readonly Sample[]): SideCost {
  const own = samples.filter((sample) => sample.side === side && sample.scenario.id === scenario)
  const [first] = own
  if (first === undefined) throw new RangeError('no rounds')
  const processes = [...first.cpuUs.keys()].map((name) => {
    const spent = own.map((sample) => sample.cpuUs.get(name) ?? Number.NaN)
    return [name, spreadOf(spent)] as const
  })
  const { answers, tokens } = first.run
  return { side, scenario, answers, tokens, processes: Object.fromEntries(processes) }
}

/**
 * What an answer costs before its first token, and what each token costs: the line through a short and a long answer. µs of a
 * core of all watched processes, medians of the rounds.
 */
export function costLine(
  short: SideCost,
  long: SideCost,
): { readonly perAnswer: number; readonly perToken: number } {
  const [few, many] = [short, long].map(({ tokens, answers }) => tokens / answers) as [
    number,
    number,
  ]
  const [less, more] = [short, long].map((cost) => sumOf(cost).median / cost.answers) as [
    number,
    number,
  ]
  const perToken = (more - less) / (many - few)
  return { perToken, perAnswer: less - few * perToken }
}

/** Of all processes together, round by round. */
export function sumOf({ processes }: SideCost): Spread {
  const all = Object.values(processes)
  const rounds = all[0]?.rounds.length ?? 0
  return spreadOf(
    Array.from({ length: rounds }, (_, round) =>
      all.reduce((sum, spread) => sum + (spread.rounds[round] ?? Number.NaN), 0),
    ),
  )
}
