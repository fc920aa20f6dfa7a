import { parseArgs } from 'node:util'
import { ALL_CHEATS, isCheat } from './cheats.ts'
import { MUTATIONS } from './mutations.ts'
import { formatCounters, formatFailure, type Summary, Tally } from './report.ts'
import { runSeeds } from './run-seeds.ts'
import { INVARIANTS } from './violation.ts'

const HELP = `Runs worlds full of faults and cheats on the real rules, and checks after every step that nobody is cheated.

  --seeds N           how many worlds (1000)
  --from N            the first of them (0)
  --seed N            just this one, with a longer trace
  --workers N         threads (2)
  --only CHEAT        the one thing that cheats do
  --mutate NAME       plant a known bug, and see it found
  --list-mutations    the bugs that can be planted
  --list-invariants   what is checked
  --json              print a summary for a program
  --help`

/** Failures that are shown in full. */
const SHOWN_MAX = 5
const PROGRESS_MS = 500

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    workers: { type: 'string', default: '2' },
    mutate: { type: 'string' },
    only: { type: 'string' },
    'list-mutations': { type: 'boolean', default: false },
    'list-invariants': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else if (values['list-invariants']) list(Object.entries(INVARIANTS))
else if (values['list-mutations'])
  list(MUTATIONS.map(({ name, file, violates }) => [name, `${violates.join(' | ')}, in ${file}`]))
else process.exitCode = await main()

async function main(): Promise<number> {
  const { seed, mutate, only, json } = values
  if (only !== undefined && !isCheat(only)) {
    console.error(`no cheat ${only}; ${ALL_CHEATS.join(', ')}`)
    return 2
  }
  if (mutate !== undefined && !MUTATIONS.some(({ name }) => name === mutate)) {
    console.error(`no mutation ${mutate}; see --list-mutations`)
    return 2
  }
  const tally = new Tally()
  const started = performance.now()
  const count = seed === undefined ? whole('seeds', values.seeds) : 1
  let shown = started
  await runSeeds({
    from: whole('from', seed ?? values.from),
    count,
    workers: Math.max(1, whole('workers', values.workers)),
    lines: seed === undefined ? 40 : 400,
    ...(mutate === undefined ? {} : { mutation: mutate }),
    ...(only === undefined ? {} : { focus: only }),
    onResult: (result) => {
      tally.add(result)
      const now = performance.now()
      if (process.stderr.isTTY && now - shown > PROGRESS_MS) {
        shown = now
        progress(tally, count, now - started)
      }
      return undefined
    },
  })
  const summary = tally.summary((performance.now() - started) / 1000)
  if (process.stderr.isTTY) process.stderr.write('\r\u{1b}[K')
  if (json) console.log(JSON.stringify(plain(summary)))
  else print(summary, `${option('only', only)}${option('mutate', mutate)}`)
  return summary.failures.length === 0 ? 0 : 1
}

function option(name: string, value: string | undefined): string {
  return value === undefined ? '' : ` --${name} ${value}`
}

function print(summary: Summary, options: string): void {
  const { seeds, steps, seconds, failures } = summary
  console.log(formatCounters(summary))
  for (const result of failures.slice(0, SHOWN_MAX))
    console.log(`\n${formatFailure(result, options)}`)
  if (failures.length > SHOWN_MAX)
    console.log(
      `\nand also: ${failures
        .slice(SHOWN_MAX)
        .map(({ seed }) => seed)
        .join(' ')}`,
    )
  const rate = (seeds / seconds).toFixed(1)
  console.log(
    `\n${seeds} seeds, ${steps} events, ${seconds.toFixed(1)} s, ${rate} seeds/s: ${failures.length} failed`,
  )
}

function progress(tally: Tally, count: number, ms: number): void {
  const rate = ((tally.seeds / ms) * 1000).toFixed(0)
  const failed = tally.failures === 0 ? '' : `, ${tally.failures} failed`
  process.stderr.write(`\r\u{1b}[K${tally.seeds} of ${count} seeds, ${rate} a second${failed}`)
}

/** Maps are no JSON. */
function plain({ failures, ...rest }: Summary): object {
  return {
    ...rest,
    failures: failures.map(({ seed, hash, failure }) => ({ seed, hash, ...failure })),
  }
}

function list(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, text] of rows) console.log(`${name.padEnd(width)}  ${text}`)
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  console.error(`--${name} must be a whole number`)
  process.exit(2)
}
