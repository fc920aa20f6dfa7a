import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { BENCHES } from './performance/benches.ts'

const HELP = `usage: npm run bench -- [--only NAMES] [--quick] [--out DIR]

Runs the benchmarks of docs/performance.md one after the other, each in a process of its own, on a machine that does nothing else.

  --only NAMES  these alone, with commas: ${BENCHES.map(({ name, minutes }) => `${name} (${minutes} min)`).join(', ')}
  --quick       rough runs, to see that they work
  --out DIR     NAME.json of each (bench-results)`

const LOOK_MS = 3_000
const ROOT = fileURLToPath(new URL('..', import.meta.url))

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string', default: 'bench-results' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

// Ctrl-C reaches the benchmark too, which ends its processes.
let isInterrupted = false
process.on('SIGINT', () => {
  isInterrupted = true
})
if (values.help) console.log(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  const names = values.only?.split(',')
  const unknown = names?.find((name) => !BENCHES.some((bench) => bench.name === name))
  if (unknown !== undefined) {
    console.error(`--only ${unknown}: one of ${BENCHES.map(({ name }) => name).join(', ')}`)
    return 2
  }
  mkdirSync(values.out, { recursive: true })
  const failed: string[] = []
  for (const { name, script, args } of BENCHES) {
    if (isInterrupted || names?.includes(name) === false) continue
    const busy = await busyShare()
    process.stderr.write(`\n== ${name} (processors ${(busy * 100).toFixed(0)} % busy before)\n`)
    const path = join(values.out, `${name}.json`)
    const json = ['--json', path]
    const quick = values.quick ? ['--quick'] : []
    const { status, signal } = spawnSync(
      process.execPath,
      [join(ROOT, script), ...args, ...quick, ...json],
      { stdio: 'inherit' },
    )
    if (signal === 'SIGINT' || status === 130) return 130
    if (status === 0) addBusy(path, busy)
    else failed.push(name)
  }
  for (const name of failed) console.error(`${name} failed`)
  return failed.length === 0 ? 0 : 1
}

/** What else this machine does, 0…1: a load average would still know of the benchmark before. */
async function busyShare(): Promise<number> {
  const before = processorTimes()
  await sleep(LOOK_MS)
  const after = processorTimes()
  const all = after.all - before.all
  return all === 0 ? 0 : 1 - (after.idle - before.idle) / all
}

function processorTimes(): { all: number; idle: number } {
  const times = cpus().map((cpu) => cpu.times)
  const idle = times.reduce((sum, each) => sum + each.idle, 0)
  const all = times.reduce((sum, { user, nice, sys, irq, idle: own }) => {
    return sum + user + nice + sys + irq + own
  }, 0)
  return { all, idle }
}

function addBusy(path: string, busyBefore: number): void {
  const file = JSON.parse(readFileSync(path, 'utf8')) as object
  writeFileSync(path, `${JSON.stringify({ ...file, busyBefore }, undefined, 2)}\n`)
}
