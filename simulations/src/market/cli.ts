import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { progressBar } from '../report/progress.ts'
import { answersOf } from './answers.ts'
import { serialize } from './figures-file.ts'
import { MARKET } from './plan.ts'
import { renderMarket } from './report.ts'
import { REPORT, runAll } from './run-all.ts'
import { SWEEPS } from './scenarios.ts'

const HELP = `Simulates the market: prices, earnings, newcomers, fees, windows, cheats, and a third that leaves.

  --seed N        (0)
  --out DIR       write market.json and market.html (sim-out)
  --seeds N       markets of each scenario, for the intervals (${REPORT.seeds})
  --hours N       of virtual time in each, two at least (${MARKET.hours})
  --only A,B      sweeps: ${SWEEPS.join(', ')}
  --threads N     beside this one (2); 0 for none
  --help`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    out: { type: 'string', default: 'sim-out' },
    seeds: { type: 'string', default: String(REPORT.seeds) },
    hours: { type: 'string', default: String(MARKET.hours) },
    only: { type: 'string', default: SWEEPS.join(',') },
    threads: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const wanted = values.only.split(',')
  const sweeps = SWEEPS.filter((sweep) => wanted.includes(sweep))
  if (sweeps.length < wanted.length) stop(`--only takes ${SWEEPS.join(', ')}`)
  const plan = {
    seed: `market ${values.seed}`,
    seeds: whole('seeds', values.seeds, 1),
    sweeps,
    base: { hours: whole('hours', values.hours, 2) },
  }
  const bar = progressBar()
  const started = performance.now()
  const threads = whole('threads', values.threads, 0)
  const results = await runAll(plan, (done, text) => bar.show(done, text), threads)
  bar.clear()
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const cpu = Math.round((userCPUTime + systemCPUTime) / 1e6)
  const header = `${new Date().toISOString()}, ${Math.round((performance.now() - started) / 1000)} s, ${cpu} s of CPU, ${Math.round(maxRSS / 1024)} MiB`
  mkdirSync(values.out, { recursive: true })
  writeFileSync(join(values.out, 'market.json'), serialize(results))
  writeFileSync(join(values.out, 'market.html'), renderMarket(results, header))
  for (const { question, answer } of answersOf(results)) console.log(`${question}\n  ${answer}`)
  console.log(`${join(values.out, 'market.html')}: ${header}`)
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= least
    ? value
    : stop(`--${name} must be a whole number, ${least} at least`)
}

function stop(message: string): never {
  console.error(message)
  process.exit(2)
}
