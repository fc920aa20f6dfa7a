import { type Memory, memoryOf } from '../process-use.ts'
import type { Figure, Scenario } from '../scenarios.ts'
import {
  figureOver,
  measureSides,
  type SideCost,
  type SideFigure,
  type SidesResult,
} from '../sides.ts'
import type { GatewaySide, SideName, Target } from './rig.ts'

export interface GatewayResults extends SidesResult {
  /** Of the processes between client and engine, after the last round. */
  readonly memory: readonly ProcessMemory[]
}

export interface ProcessMemory extends Memory {
  readonly side: SideName
  readonly process: string
}

const CPU_PER_TOKEN: Figure = {
  id: 'cpu-per-token',
  title: 'CPU per token, all hops',
  unit: 'µs',
  better: 'lower',
}
const CPU_PER_REQUEST: Figure = {
  id: 'cpu-per-request',
  title: 'CPU per short completion, all hops',
  unit: 'ms',
  better: 'lower',
}
const MEMORY: Figure = {
  id: 'memory',
  title: 'resident memory after a round, all hops',
  unit: 'MB',
  better: 'lower',
}

export async function measureGateways(
  sides: readonly GatewaySide[],
  scenarios: readonly Scenario<Target>[],
  rounds: number,
  onRound: (done: number) => void,
): Promise<GatewayResults> {
  const resident = new Map<string, number[]>()
  const { figures, costs } = await measureSides(sides, scenarios, rounds, (done) => {
    for (const side of sides) {
      const mb = memoriesOf(side).reduce((sum, { residentMb }) => sum + residentMb, 0)
      if (mb > 0) resident.set(side.name, [...(resident.get(side.name) ?? []), mb])
    }
    onRound(done)
  })
  const derived = [
    costFigure(CPU_PER_TOKEN, 'streams-64', costs, sides, ({ tokens }) => tokens),
    costFigure(CPU_PER_REQUEST, 'requests', costs, sides, ({ answers }) => answers * 1000),
    figureOver(MEMORY, resident),
  ]
  return {
    figures: [...figures, ...derived.filter((figure) => Object.keys(figure.sides).length > 0)],
    costs,
    memory: sides.flatMap(memoriesOf),
  }
}

/** What the processes between client and engine took in a scenario, over what was done in it. */
function costFigure(
  figure: Figure,
  scenario: string,
  costs: readonly SideCost[],
  sides: readonly GatewaySide[],
  per: (cost: SideCost) => number,
): SideFigure {
  const values = sides.flatMap(({ name, proxies }) => {
    const cost = costs.find((each) => each.side === name && each.scenario === scenario)
    const spent = proxies.map((proxy) => cost?.processes[proxy.name]?.rounds ?? [])
    const [first = []] = spent
    if (cost === undefined || first.length === 0) return []
    const sums = first.map((_, round) => spent.reduce((sum, own) => sum + (own[round] ?? 0), 0))
    return [[name, sums.map((us) => us / per(cost))] as const]
  })
  return figureOver(figure, new Map(values))
}

function memoriesOf({ name, proxies }: GatewaySide): ProcessMemory[] {
  return proxies.flatMap((proxy) => {
    const memory = memoryOf(proxy.pid)
    return memory === undefined ? [] : [{ side: name, process: proxy.name, ...memory }]
  })
}
