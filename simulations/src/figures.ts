import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PLAIN_NAMES, type PlainName, pageOf } from './pages.ts'

// Writes docs/figures/NAME.json and NAME.html of the simulations of faults, residency and selection from runs of seed 0,
// which take minutes; `--only NAME` of one of them. Beside the figures of the page stand those of a small run of the same
// seed. With --check nothing is written: the small run is made again and must come out as it stands in the file, and the
// page must be what is made of the file.

const FOLDER = fileURLToPath(new URL('../../docs/figures/', import.meta.url))
const CLI = fileURLToPath(new URL('./cli.ts', import.meta.url))
const AGAIN = 'node simulations/src/figures.ts --only'

/** Options beside the seed, of the run that the page shows and of the one that is made again. */
const RUNS: Readonly<Record<PlainName, { page: readonly string[]; small: readonly string[] }>> = {
  faults: { page: ['--seeds', '1000'], small: ['--seeds', '20'] },
  residency: { page: [], small: ['--providers', '40'] },
  selection: {
    page: [],
    small: ['--seeds', '1', '--providers', '20', '--minutes', '5', '--only', 'router'],
  },
}

interface Kept {
  readonly small: unknown
  readonly figures: unknown
}

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, only: { type: 'string' } },
})
const names = PLAIN_NAMES.filter((name) => values.only === undefined || values.only === name)

if (values.check) {
  const problems = names.flatMap(check)
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
} else for (const name of names) write(name)

function write(name: PlainName): void {
  const { page, small } = RUNS[name]
  const kept: Kept = { small: simulate(name, small), figures: simulate(name, page) }
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(`${FOLDER}${name}.json`, `${JSON.stringify(kept, undefined, 2)}\n`)
  writeFileSync(`${FOLDER}${name}.html`, render(name, kept))
}

function check(name: PlainName): string[] {
  const kept = JSON.parse(readFileSync(`${FOLDER}${name}.json`, 'utf8')) as Kept
  const isSame = JSON.stringify(simulate(name, RUNS[name].small)) === JSON.stringify(kept.small)
  const page = readFileSync(`${FOLDER}${name}.html`, 'utf8')
  return [
    ...(isSame
      ? []
      : [`docs/figures/${name}.json is not what the simulation gives: ${AGAIN} ${name}`]),
    ...(page === render(name, kept)
      ? []
      : [`docs/figures/${name}.html is not made of ${name}.json: ${AGAIN} ${name}`]),
  ]
}

function render(name: PlainName, { figures }: Kept): string {
  const header = ['npm run sim --', name, '--seed 0', ...RUNS[name].page].join(' ')
  return pageOf(name, JSON.stringify(figures), header)
}

/** The figures of a run of seed 0, as whoever runs the command gets them. */
function simulate(name: PlainName, options: readonly string[]): unknown {
  const out = mkdtempSync(join(tmpdir(), 'hanse-figures-'))
  try {
    const args = [CLI, name, '--seed', '0', '--out', out, ...options]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`the simulation of ${name} ended with ${status}: ${stderr}`)
    return JSON.parse(readFileSync(join(out, `${name}.json`), 'utf8')) as unknown
  } finally {
    rmSync(out, { recursive: true })
  }
}
