import type { Asker } from './chat-client.ts'
import { cpuMs } from './cpu-time.ts'
import { type Figure, run, type Scenario } from './scenarios.ts'
import { type Spread, spreadOf } from './statistics.ts'

/** One way to the same engine. */
export interface Side {
  readonly name: string
  readonly asker: Asker
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

/** CPU time of the processes that are watched, µs. */
export interface SideCost {
  readonly side: string
  readonly scenario: string
  readonly answers: number
  readonly tokens: number
  readonly perAnswer: Spread
}

/** Measures all sides in turn in each round, in another order each time, so that what else the machine does falls on all. */
export async function measureSides(
  sides: readonly Side[],
  scenarios: readonly Scenario[],
  rounds: number,
  pids: () => readonly (number | undefined)[],
): Promise<SidesResult> {
  const values = new Map<string, number[]>()
  const costs = new Map<string, number[]>()
  const add = (map: Map<string, number[]>, key: string, value: number): void => {
    map.set(key, [...(map.get(key) ?? []), value])
  }
  for (let round = 0; round < rounds; round++) {
    const order = sides.map((_, i) => sides[(i + round) % sides.length])
    for (const scenario of scenarios) {
      for (const side of order) {
        if (side === undefined) continue
        const before = cpuOf(pids())
        const result = await run(side.asker, scenario)
        const spent = cpuOf(pids()) - before
        for (const { id, of } of scenario.figures) add(values, `${id} ${side.name}`, of(result))
        add(costs, `${scenario.id} ${side.name}`, (spent * 1000) / scenario.answers)
      }
    }
  }
  const of = (id: string, { name }: Side) => values.get(`${id} ${name}`) ?? []
  const [base] = sides
  if (base === undefined) throw new RangeError('no sides')
  const against = (id: string, side: Side, compare: (one: number, other: number) => number) =>
    spreadOf(of(id, side).map((value, i) => compare(value, of(id, base)[i] ?? Number.NaN)))
  const each = (spread: (side: Side) => Spread) =>
    Object.fromEntries(sides.map((side) => [side.name, spread(side)]))
  return {
    figures: scenarios
      .flatMap((scenario) => scenario.figures)
      .map(({ id, title, unit, better }) => ({
        id,
        title,
        unit,
        better,
        sides: each((side) => spreadOf(of(id, side))),
        ratios: each((side) => against(id, side, (one, other) => one / other)),
        added: each((side) => against(id, side, (one, other) => one - other)),
      })),
    costs: scenarios.flatMap(({ id, answers, chat }) =>
      sides.map((side) => ({
        side: side.name,
        scenario: id,
        answers,
        tokens: chat.tokens,
        perAnswer: spreadOf(costs.get(`${id} ${side.name}`) ?? []),
      })),
    ),
  }
}

/**
 * What an answer costs before its first token, and what each token costs: the line through a short and a long answer.
 * µs of a core, medians of the rounds.
 */
export function costLine(
  short: SideCost,
  long: SideCost,
): { readonly perAnswer: number; readonly perToken: number } {
  const perToken = (long.perAnswer.median - short.perAnswer.median) / (long.tokens - short.tokens)
  return { perToken, perAnswer: short.perAnswer.median - short.tokens * perToken }
}

function cpuOf(pids: readonly (number | undefined)[]): number {
  return pids.reduce<number>((sum, pid) => sum + (cpuMs(pid) ?? 0), 0)
}
