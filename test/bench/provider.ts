import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { BUILT_IN_NAME, BuiltInEngine, builtInModelPath, LlamaEngine } from '@hanse/node'
import type { Child } from '../../scripts/demo/child.ts'
import { EngineAsker, MarketAsker } from './askers.ts'
import { LoadClient } from './load-client.ts'
import {
  CONTEXT_TOKENS,
  type ProviderKind,
  ProviderMarket,
  SLOTS,
  STUB_MODEL,
  type StartTimes,
} from './provider-market.ts'
import { machineFacts, table } from './report.ts'
import { firstToken, type Scenario, throughput } from './scenarios.ts'
import { costLine, measureSides, type Side, type SidesResult } from './sides.ts'
import { type Spread, spreadOf } from './statistics.ts'

const USAGE = `usage: npm run bench:provider -- [--json FILE] [--quick]

What a provider adds to its engine: the engine asked directly and through the provider, by a consumer without a gateway, side
by side; and the time from the start of a provider until another node has its offer.

  --json FILE   where the figures are written (default: bench-results/provider.json)
  --quick       a rough run of some seconds`

interface Scale {
  readonly rounds: number
  readonly starts: number
  readonly http: readonly Scenario[]
  readonly builtIn: readonly Scenario[]
}

/** Tokens of a long answer: of the stub, and of the built-in engine, whose context is small. */
const [LONG, BUILT_IN_LONG] = [2_000, 64]

const FULL: Scale = {
  rounds: 5,
  starts: 7,
  http: [
    firstToken(60),
    throughput(1, 12, LONG),
    throughput(4, 24, LONG),
    throughput(16, 48, LONG),
  ],
  builtIn: [
    firstToken(40),
    throughput(1, 10, BUILT_IN_LONG),
    throughput(4, 16, BUILT_IN_LONG),
    throughput(16, 32, BUILT_IN_LONG),
  ],
}

/** To see that it works; its figures are rough. */
const QUICK: Scale = {
  rounds: 2,
  starts: 1,
  http: [firstToken(8), throughput(1, 2, LONG), throughput(4, 4, LONG), throughput(16, 16, 500)],
  builtIn: [
    firstToken(4),
    throughput(1, 2, BUILT_IN_LONG),
    throughput(4, 4, BUILT_IN_LONG),
    throughput(16, 16, 32),
  ],
}

interface Comparison extends SidesResult {
  readonly engine: string
  /** Of the provider's process and its workers, where the system tells; µs of a core. */
  readonly cost: { readonly perAnswer: number; readonly perToken: number } | undefined
}

interface StartResult {
  readonly kind: ProviderKind
  readonly ready: Spread
  readonly live: Spread
  readonly found: Spread
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/provider.json' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const scale = values.quick ? QUICK : FULL
  const startedAt = new Date().toISOString()
  const machine = machineFacts()
  await using market = await ProviderMarket.start()
  const starts = [await measureStarts(market, 'http', scale)]
  starts.push(await measureStarts(market, 'built-in', scale))
  const comparisons = [await compareHttp(market, scale), await compareBuiltIn(market, scale)]
  const { cpu, cores, platform, node } = machine
  console.log(`${cpu}, ${cores} cores shared by all; ${platform}, Node ${node}`)
  for (const comparison of comparisons) console.log(`\n${comparisonTable(comparison).join('\n')}`)
  console.log(`\n${startTable(starts).join('\n')}`)
  mkdirSync(dirname(values.json), { recursive: true })
  const facts = { benchmark: 'provider', quick: values.quick, rounds: scale.rounds, startedAt }
  writeFileSync(
    values.json,
    `${JSON.stringify({ ...facts, machine, comparisons, starts }, null, 2)}\n`,
  )
  progress(`written to ${values.json}`)
}

async function measureStarts(
  market: ProviderMarket,
  kind: ProviderKind,
  scale: Scale,
): Promise<StartResult> {
  const times: StartTimes[] = []
  for (let i = 0; i < scale.starts; i++) {
    const { child, times: each } = await market.startProvider(kind)
    await market.stop(child)
    times.push(each)
    progress(`${kind}: from start to found ${each.found.toFixed(0)} ms`)
  }
  return {
    kind,
    ready: spreadOf(times.map(({ ready }) => ready)),
    live: spreadOf(times.map(({ live }) => live)),
    found: spreadOf(times.map(({ found }) => found)),
  }
}

async function compareHttp(market: ProviderMarket, scale: Scale): Promise<Comparison> {
  const { child, model } = await market.startProvider('http')
  const client = new LoadClient(market.engineUrl, STUB_MODEL)
  try {
    const sides = [
      { name: 'direct', target: client, watched: [] },
      providerSide(market, child, model),
    ]
    return await compare('engine over HTTP', sides, scale.http, scale.rounds)
  } finally {
    client.close()
    await market.stop(child)
  }
}

async function compareBuiltIn(market: ProviderMarket, scale: Scale): Promise<Comparison> {
  await using own = await LlamaEngine.open({
    modelPath: builtInModelPath(),
    modelId: BUILT_IN_NAME,
    slots: SLOTS,
    contextLength: CONTEXT_TOKENS,
  })
  await using worker = await BuiltInEngine.open({
    models: [{ id: BUILT_IN_NAME, path: builtInModelPath() }],
    slots: SLOTS,
    contextLength: CONTEXT_TOKENS,
  })
  const { child, model } = await market.startProvider('built-in')
  try {
    const sides = [
      { name: 'in process', target: new EngineAsker(own, BUILT_IN_NAME), watched: [] },
      { name: 'worker', target: new EngineAsker(worker, BUILT_IN_NAME), watched: [] },
      providerSide(market, child, model),
    ]
    return await compare('built-in engine', sides, scale.builtIn, scale.rounds)
  } finally {
    await market.stop(child)
  }
}

function providerSide(market: ProviderMarket, child: Child, model: string): Side {
  // Its worker computes in another process; what the provider itself costs is beside it.
  const watched = child.pid === undefined ? [] : [{ name: 'provider', pid: child.pid }]
  return { name: 'provider', target: new MarketAsker(market.consumer(), model), watched }
}

async function compare(
  engine: string,
  sides: readonly Side[],
  scenarios: readonly Scenario[],
  rounds: number,
): Promise<Comparison> {
  progress(`${engine}: ${rounds} rounds of ${sides.map(({ name }) => name).join(', ')}…`)
  await measureSides(sides, [throughput(8, 40, 16), ...scenarios.slice(1, 2)], 1)
  const result = await measureSides(sides, scenarios, rounds)
  const ofProvider = (at: number) =>
    result.costs.find(({ side, scenario }) => side === 'provider' && scenario === scenarios[at]?.id)
  const [short, long] = [ofProvider(0), ofProvider(1)]
  const known = process.platform === 'linux' && short !== undefined && long !== undefined
  return { engine, ...result, cost: known ? costLine(short, long) : undefined }
}

function comparisonTable({ engine, figures, cost }: Comparison): string[] {
  const sides = Object.keys(figures[0]?.sides ?? {})
  const rows = figures.map(({ title, unit, sides: all, ratios, added }) => [
    `${title} (${unit})`,
    ...sides.map((side) => spread(all[side], unit === 'ms' ? 2 : 0)),
    ...sides.slice(1).map((side) => spread(ratios[side], 2)),
    ...sides.slice(1).map((side) => (unit === 'ms' ? (added[side]?.median ?? 0).toFixed(2) : '')),
  ])
  const others = sides.slice(1)
  return [
    ...table([
      [
        `${engine}, median [min..max]`,
        ...sides,
        ...others.map((side) => `${side}/${sides[0]}`),
        ...others.map((side) => `${side} adds, ms`),
      ],
      ...rows,
    ]),
    ...(cost === undefined
      ? []
      : [
          `CPU of the provider’s process: ${cost.perAnswer.toFixed(0)} µs an answer and ${cost.perToken.toFixed(1)} µs a token`,
        ]),
  ]
}

function startTable(starts: readonly StartResult[]): string[] {
  return table([
    [
      'from the start of the process, ms',
      'takes sessions',
      'DHT told',
      'another node has the offer',
    ],
    ...starts.map(({ kind, ready, live, found }) => [
      kind === 'http' ? 'engine over HTTP' : 'built-in engine',
      ...[ready, live, found].map((each) => spread(each, 0)),
    ]),
  ])
}

function spread(of: Spread | undefined, digits: number): string {
  if (of === undefined) return ''
  const [median, min, max] = [of.median, of.min, of.max].map((value) => value.toFixed(digits))
  return `${median} [${min}..${max}]`
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

await main()
