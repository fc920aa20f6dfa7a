import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Performance } from './performance/figures.ts'
import { readRuns } from './performance/read-runs.ts'
import { renderPerformance } from './performance/render.ts'

// Renders docs/performance.md from docs/figures/performance.json; with --from FOLDER it first takes in what benchmarks wrote
// there, and refuses runs that were rough or not alone; with --check nothing is written, and the page must be fresh.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FIGURES = join(ROOT, 'docs/figures/performance.json')
const PAGE = join(ROOT, 'docs/performance.md')

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    from: { type: 'string' },
    /** Another folder for both, where --any is welcome. */
    out: { type: 'string' },
    any: { type: 'boolean', default: false },
  },
})

process.exitCode = main()

function main(): number {
  const before = read()
  if (values.check) return check(before)
  if (values.any && values.out === undefined) {
    console.error('--any is for a look: give --out FOLDER too')
    return 2
  }
  const [figures, page] =
    values.out === undefined
      ? [FIGURES, PAGE]
      : [join(values.out, 'performance.json'), join(values.out, 'performance.md')]
  const { performance, refused } =
    values.from === undefined
      ? { performance: before, refused: [] }
      : readRuns(values.from, before, values.any)
  mkdirSync(dirname(figures), { recursive: true })
  writeFileSync(figures, `${JSON.stringify(performance, undefined, 2)}\n`)
  writeFileSync(page, renderPerformance(performance))
  for (const line of refused) console.error(`not taken in: ${line}`)
  console.log(`written: ${page}`)
  return refused.length === 0 ? 0 : 1
}

function check(performance: Performance): number {
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : ''
  if (page === renderPerformance(performance)) return 0
  console.error('docs/performance.md is stale: node scripts/performance.ts')
  return 1
}

function read(): Performance {
  if (!existsSync(FIGURES)) return { runs: {}, values: {} }
  return JSON.parse(readFileSync(FIGURES, 'utf8')) as Performance
}
