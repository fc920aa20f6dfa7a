import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { machineFacts } from '../bench/report.ts'
import { judge } from './judge.ts'
import { printSoak } from './report.ts'
import { runSoak } from './run-soak.ts'

const USAGE = `usage: npm run test:soak -- [--minutes N] [--seed N] [--json FILE]

Bounded load on a market of processes with peers that misbehave, an engine that fails, pauses and a relay that restarts.
Ends with 1 when memory grows, something is left open, honest requests fail, or a daemon complains.

  --minutes N   how long (default: 10); slopes are judged from 10 on
  --seed N      of what is random (default: 1)
  --json FILE   where the figures are written (default: bench-results/soak.json)`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      json: { type: 'string', default: 'bench-results/soak.json' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  const isGood = minutes > 0 && minutes <= 24 * 60 && Number.isSafeInteger(seed)
  if (values.help || !isGood) {
    console.log(USAGE)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const startedAt = new Date().toISOString()
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`)
  const result = await runSoak({ minutes, seed, onProgress })
  const faults = judge(result)
  console.log(printSoak(result))
  for (const fault of faults) console.log(`FAULT: ${fault}`)
  console.log(faults.length === 0 ? 'all held' : `${faults.length} did not hold`)
  mkdirSync(dirname(values.json), { recursive: true })
  const facts = { soak: 'provider', startedAt, machine: machineFacts(), faults }
  writeFileSync(values.json, `${JSON.stringify({ ...facts, ...result }, null, 2)}\n`)
  if (faults.length > 0) process.exitCode = 1
}

await main()
