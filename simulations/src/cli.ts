import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isPlain, pageOf } from './pages.ts'

const HELP = `npm run sim -- dht|faults|load|market|residency|selection [--seed N] [--out DIR] [further options of that simulation]

Writes NAME.json and NAME.html into DIR (sim-out). The options of each: npm run sim -- NAME --help`

const SEED_MAX = /^\d{1,9}$/u

/** What each simulation takes for the seed, and where it writes its figures. */
const SIMULATIONS: Readonly<
  Record<string, { script: string; args: (seed: string | undefined, out: string) => string[] }>
> = {
  dht: {
    script: './dht/cli.ts',
    args: (seed, out) => [...(seed === undefined ? [] : ['--seed', seed]), '--out', out],
  },
  faults: {
    script: './faults/cli.ts',
    args: (seed) => [...(seed === undefined ? [] : ['--from', seed]), '--json'],
  },
  load: {
    script: './load/cli.ts',
    args: (seed, out) => [...(seed === undefined ? [] : ['--seed', seed]), '--out', out],
  },
  market: {
    script: './market/cli.ts',
    args: (seed, out) => [...(seed === undefined ? [] : ['--seed', seed]), '--out', out],
  },
  residency: {
    script: './residency/cli.ts',
    args: (seed, out) => [
      ...(seed === undefined ? [] : ['--seed', `residency ${seed}`]),
      '--json',
      join(out, 'residency.json'),
    ],
  },
  selection: {
    script: './market-selection/cli.ts',
    args: (seed, out) => [
      ...(seed === undefined ? [] : ['--from', seed]),
      '--json',
      join(out, 'selection.json'),
    ],
  },
}

// Ctrl-C reaches the simulation too, which ends by itself and tells how far it came.
process.on('SIGINT', () => {})
process.exitCode = main(process.argv.slice(2))

function main([name = '', ...given]: readonly string[]): number {
  const simulation = SIMULATIONS[name]
  if (simulation === undefined) {
    console.error(HELP)
    return 2
  }
  const script = fileURLToPath(new URL(simulation.script, import.meta.url))
  if (given.includes('--help')) {
    const help = run(script, given)
    process.stdout.write(help.output)
    return help.status
  }
  const { seed, out, rest } = common(given)
  if (seed !== undefined && !SEED_MAX.test(seed)) {
    console.error('--seed must be a whole number below a thousand million')
    return 2
  }
  mkdirSync(out, { recursive: true })
  const { status, output } = run(script, [...simulation.args(seed, out), ...rest])
  process.stdout.write(output)
  if (name === 'faults' && output.startsWith('{'))
    writeFileSync(join(out, 'faults.json'), withoutTime(output))
  const figures = join(out, `${name}.json`)
  if (isPlain(name) && status < 2 && existsSync(figures)) {
    const header = `${new Date().toISOString()}; every figure is in ${name}.json`
    writeFileSync(join(out, `${name}.html`), pageOf(name, readFileSync(figures, 'utf8'), header))
  }
  return status
}

function run(script: string, args: readonly string[]): { status: number; output: string } {
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], {
    // The progress line goes to the terminal; what is printed goes into the report too.
    stdio: ['inherit', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  return { status: status ?? 1, output: stdout }
}

/** What is meant for every simulation, and what is left. */
function common(args: readonly string[]): {
  seed: string | undefined
  out: string
  rest: string[]
} {
  const { values, tokens } = parseArgs({
    args: [...args],
    options: { seed: { type: 'string' }, out: { type: 'string', default: 'sim-out' } },
    strict: false,
    tokens: true,
  })
  const own = new Set<number>()
  for (const token of tokens)
    if (token.kind === 'option' && (token.name === 'seed' || token.name === 'out')) {
      own.add(token.index)
      if (token.inlineValue === false) own.add(token.index + 1)
    }
  const { seed, out } = values
  return {
    seed: typeof seed === 'string' ? seed : undefined,
    out: String(out),
    rest: args.filter((_, i) => !own.has(i)),
  }
}

/** How long it took is no figure: the same seed gives the same file. */
function withoutTime(output: string): string {
  const { seconds: _, ...summary } = JSON.parse(output) as { seconds: number }
  return `${JSON.stringify(summary, undefined, 2)}\n`
}
