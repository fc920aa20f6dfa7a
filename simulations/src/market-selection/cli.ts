import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { MARKET } from './market-plan.ts'
import { formatTable, summarize } from './report.ts'
import { type Outcome, runMarket } from './run-market.ts'
import { STRATEGIES } from './strategies.ts'

const HELP = `Lets strategies choose providers in simulated markets with heavy-tailed speed, failures and lies, and compares them.

  --seeds N       how many markets (5)
  --from N        the first of them (0)
  --providers N   in each (${MARKET.providers})
  --minutes N     of virtual time (${MARKET.durationMs / 60_000})
  --rate N        requests a second (${MARKET.requestsPerSecond})
  --only TEXT     strategies whose name has this in it
  --json FILE     write every outcome and the medians
  --help`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    from: { type: 'string', default: '0' },
    providers: { type: 'string', default: String(MARKET.providers) },
    minutes: { type: 'string', default: String(MARKET.durationMs / 60_000) },
    rate: { type: 'string', default: String(MARKET.requestsPerSecond) },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const shape = {
    ...MARKET,
    providers: positive('providers', values.providers),
    durationMs: positive('minutes', values.minutes) * 60_000,
    requestsPerSecond: positive('rate', values.rate),
  }
  const strategies = STRATEGIES.filter(({ name }) => name.includes(values.only))
  const outcomes: Outcome[] = []
  const from = Number(values.from)
  for (let seed = from; seed < from + positive('seeds', values.seeds); seed++)
    for (const strategy of strategies) {
      if (process.stderr.isTTY) process.stderr.write(`\r\u{1b}[Kmarket ${seed}: ${strategy.name}`)
      outcomes.push(await runMarket(strategy, `market ${seed}`, shape))
    }
  if (process.stderr.isTTY) process.stderr.write('\r\u{1b}[K')
  const summaries = summarize(outcomes)
  console.log(formatTable(summaries))
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ shape, summaries, outcomes }, undefined, 2)}\n`)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  console.error(`--${name} must be a number above 0`)
  process.exit(2)
}
