import { type BenchMarket, MODEL } from './bench-market.ts'
import { ChatClient } from './chat-client.ts'
import { cpuMs } from './cpu-time.ts'
import { type Figure, run, type Scale, type Scenario } from './scenarios.ts'
import { type Spread, spreadOf } from './statistics.ts'

export type Side = 'direct' | 'gateway'

export interface FigureResult extends Figure {
  readonly direct: Spread
  readonly gateway: Spread
  /** Gateway over direct, round by round. */
  readonly ratio: Spread
  /** Gateway less direct, round by round: for times, what the market adds. */
  readonly added: Spread
}

export interface ScenarioCost {
  readonly scenario: string
  readonly side: Side
  readonly answers: number
  readonly tokens: number
  /** Both sides signed them; none without the gateway. */
  readonly receipts: number
  /** CPU time by process; empty where the system does not tell. */
  readonly cpuMs: Readonly<Record<string, number>>
}

export interface Results {
  readonly figures: readonly FigureResult[]
  readonly costs: readonly ScenarioCost[]
}

/** Measures both sides in turn, so that what else the machine does falls on both. */
export async function measure(
  market: BenchMarket,
  scale: Scale,
  onProgress: (line: string) => void,
): Promise<Results> {
  const streamsMax = Math.max(...scale.scenarios.map(({ streams }) => streams))
  const clients: Readonly<Record<Side, ChatClient>> = {
    direct: new ChatClient(market.engineUrl, MODEL, streamsMax),
    gateway: new ChatClient(market.gatewayUrl, MODEL, streamsMax),
  }
  const values = new Map<string, Record<Side, number[]>>()
  const costs = new Map<string, ScenarioCost>()
  try {
    onProgress('warming up…')
    await warmUp(clients, scale)
    for (let round = 0; round < scale.rounds; round++) {
      onProgress(`round ${round + 1} of ${scale.rounds}…`)
      const sides: readonly Side[] = round % 2 === 0 ? ['direct', 'gateway'] : ['gateway', 'direct']
      for (const scenario of scale.scenarios) {
        for (const side of sides) {
          const cost = await runOnce(market, clients[side], scenario, side, values)
          const key = `${scenario.id} ${side}`
          costs.set(key, sumOf(costs.get(key), cost))
        }
      }
    }
  } finally {
    clients.direct.close()
    clients.gateway.close()
  }
  const figures = scale.scenarios.flatMap((scenario) => scenario.figures)
  return {
    figures: figures.map(({ id, title, unit, better }) => {
      const { direct, gateway } = values.get(id) ?? { direct: [], gateway: [] }
      return { id, title, unit, better, ...compare(direct, gateway) }
    }),
    costs: [...costs.values()],
  }
}

async function warmUp(clients: Readonly<Record<Side, ChatClient>>, scale: Scale): Promise<void> {
  const streams = Math.max(...scale.scenarios.map((scenario) => scenario.streams))
  for (const client of [clients.direct, clients.gateway]) {
    for (const tokens of [16, 1000]) {
      const chat = { tokens }
      await run(client, { id: '', streams, answers: scale.warmUpAnswers, chat, figures: [] })
    }
  }
}

async function runOnce(
  market: BenchMarket,
  client: ChatClient,
  scenario: Scenario,
  side: Side,
  values: Map<string, Record<Side, number[]>>,
): Promise<ScenarioCost> {
  const cpuBefore = cpuOf(market)
  const receiptsBefore = market.receipts
  const result = await run(client, scenario)
  for (const { id, of } of scenario.figures) {
    const both = values.get(id) ?? { direct: [], gateway: [] }
    both[side].push(of(result))
    values.set(id, both)
  }
  const cpu = Object.entries(cpuOf(market)).map(([name, ms]) => [name, ms - (cpuBefore[name] ?? 0)])
  return {
    scenario: scenario.id,
    side,
    answers: result.answers.length,
    tokens: result.tokens,
    receipts: market.receipts - receiptsBefore,
    cpuMs: Object.fromEntries(cpu),
  }
}

function cpuOf(market: BenchMarket): Record<string, number> {
  const pids = [...market.processes].map(([name, child]) => [name, child.pid] as const)
  const times = [...pids, ['client', process.pid] as const].flatMap(([name, pid]) => {
    const ms = cpuMs(pid)
    return ms === undefined ? [] : [[name, ms] as const]
  })
  return Object.fromEntries(times)
}

function sumOf(sum: ScenarioCost | undefined, more: ScenarioCost): ScenarioCost {
  if (sum === undefined) return more
  const cpu = Object.entries(more.cpuMs).map(([name, ms]) => [name, ms + (sum.cpuMs[name] ?? 0)])
  return {
    ...sum,
    answers: sum.answers + more.answers,
    tokens: sum.tokens + more.tokens,
    receipts: sum.receipts + more.receipts,
    cpuMs: Object.fromEntries(cpu),
  }
}

function compare(direct: readonly number[], gateway: readonly number[]) {
  const rounds = direct.map((value, round) => [value, gateway[round] ?? Number.NaN] as const)
  return {
    direct: spreadOf(direct),
    gateway: spreadOf(gateway),
    ratio: spreadOf(rounds.map(([one, other]) => other / one)),
    added: spreadOf(rounds.map(([one, other]) => other - one)),
  }
}
