import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { BenchMarket } from './bench-market.ts'
import { measure } from './measure.ts'
import { machineFacts, printResults } from './report.ts'
import { FULL, QUICK } from './scenarios.ts'

const USAGE = `usage: npm run bench -- [--json FILE] [--quick] [--cpu-prof FOLDER]

Compares the gateway with the engine behind it, side by side, against an engine that costs next to nothing.

  --json FILE        where the figures are written (default: bench-results/gateway.json)
  --quick            a rough run of some seconds
  --cpu-prof FOLDER  CPU profiles of provider and gateway`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/gateway.json' },
      quick: { type: 'boolean', default: false },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const cpuProfDir = values['cpu-prof']
  const scale = values.quick ? QUICK : FULL
  const startedAt = new Date().toISOString()
  const progress = (line: string): void => void process.stderr.write(`${line}\n`)
  progress('starting engine, relay, provider and gateway…')
  await using market = await BenchMarket.start(cpuProfDir === undefined ? {} : { cpuProfDir })
  const results = await measure(market, scale, progress)
  const machine = machineFacts()
  console.log(printResults(results, machine))
  mkdirSync(dirname(values.json), { recursive: true })
  const facts = { benchmark: 'gateway', quick: values.quick, rounds: scale.rounds, startedAt }
  writeFileSync(values.json, `${JSON.stringify({ ...facts, machine, ...results }, null, 2)}\n`)
  progress(`written to ${values.json}`)
}

await main()
