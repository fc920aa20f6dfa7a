import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { type Comparison, protocolComparisons } from './protocol-comparisons.ts'
import { machineFacts, table } from './report.ts'
import { type Spread, spreadOf } from './statistics.ts'

const USAGE = `usage: npm run bench:protocol -- [--json FILE] [--quick]

What records, receipts, Statements and the log cost, each beside the raw primitives that it cannot do without.

  --json FILE   where the figures are written (default: bench-results/protocol.json)
  --quick       a rough run of some seconds`

/** Long enough that the clock and one garbage collection do not matter. */
const SLICE_MS = 250
const QUICK_SLICE_MS = 30
const ROUNDS = 7

interface Figure {
  readonly title: string
  readonly against: string
  /** Operations a second. */
  readonly ours: Spread
  /** The same for what it is compared with. */
  readonly raw: Spread
  /** Time of ours in times of the other, side by side in each round. */
  readonly ratio: Spread
  /** What the ratio must stay below, where that is promised. */
  readonly limit?: number
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/protocol.json' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const sliceMs = values.quick ? QUICK_SLICE_MS : SLICE_MS
  const startedAt = new Date().toISOString()
  const machine = machineFacts()
  const figures: Figure[] = []
  for (const comparison of protocolComparisons()) {
    process.stderr.write(`${comparison.title}…\n`)
    figures.push(await compare(comparison, sliceMs))
  }
  const { cpu, cores, platform, node } = machine
  console.log(`${cpu}, ${cores} cores, one used; ${platform}, Node ${node}\n`)
  console.log(table([HEAD, ...figures.map(row)]).join('\n'))
  mkdirSync(dirname(values.json), { recursive: true })
  const facts = { benchmark: 'protocol', quick: values.quick, rounds: ROUNDS, startedAt, machine }
  writeFileSync(values.json, `${JSON.stringify({ ...facts, figures }, null, 2)}\n`)
  process.stderr.write(`written to ${values.json}\n`)
}

/** Both sides in turns, so that what else the machine does falls on both. */
async function compare(comparison: Comparison, sliceMs: number): Promise<Figure> {
  const { title, against, ours, raw, limit } = comparison
  await perSecond(ours, sliceMs / 2)
  await perSecond(raw, sliceMs / 2)
  const rounds: { ours: number; raw: number }[] = []
  for (let i = 0; i < ROUNDS; i++) {
    rounds.push({ ours: await perSecond(ours, sliceMs), raw: await perSecond(raw, sliceMs) })
  }
  return {
    title,
    against,
    ours: spreadOf(rounds.map((round) => round.ours)),
    raw: spreadOf(rounds.map((round) => round.raw)),
    ratio: spreadOf(rounds.map((round) => round.raw / round.ours)),
    ...(limit === undefined ? {} : { limit }),
  }
}

async function perSecond(run: () => number | Promise<number>, forMs: number): Promise<number> {
  const start = performance.now()
  let done = 0
  let elapsed = 0
  while (elapsed < forMs) {
    const result = run()
    done += typeof result === 'number' ? result : await result
    elapsed = performance.now() - start
  }
  return (done * 1000) / elapsed
}

const HEAD = ['a second, median', 'ours', 'compared with', 'of it', 'time, ours in its', 'promised']

function row({ title, against, ours, raw, ratio, limit }: Figure): string[] {
  const { median, min, max } = ratio
  const times = `${share(median)} [${share(min)}..${share(max)}]`
  return [
    title,
    count(ours.median),
    against,
    count(raw.median),
    times,
    limit === undefined ? '' : `≤ ${share(limit)}`,
  ]
}

const count = (perSecond: number): string => Math.round(perSecond).toLocaleString('en-US')
const share = (ratio: number): string =>
  ratio < 0.2 ? `${(ratio * 100).toFixed(1)} %` : ratio.toFixed(2)

await main()
