import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readCalibration } from './calibration.ts'
import { renderDht } from './report.ts'
import { DHT, type DhtResults, runDht, runScales } from './run-dht.ts'

// Writes docs/figures/dht.json and dht.html from a run of the fixed seed, which takes minutes; `--from FILE` takes the
// dht.json of a run instead. With --check nothing is written: networks of up to a thousand peers are simulated again, and
// must come out as they stand in the file, and the page must be what is made of the file.

/** What can be simulated again in seconds. */
const CHECKED_MAX = 1_000
const FOLDER = fileURLToPath(new URL('../../../docs/figures/', import.meta.url))
const HEADER = 'npm run sim -- dht --seed 0'

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, from: { type: 'string' } },
})

if (values.check) {
  const problems = check()
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
} else write(values.from === undefined ? runDht(DHT, () => {}) : read(values.from))

function write(results: DhtResults): void {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(`${FOLDER}dht.json`, `${JSON.stringify(results, undefined, 2)}\n`)
  writeFileSync(`${FOLDER}dht.html`, renderDht(results, readCalibration(), HEADER))
}

function check(): string[] {
  const kept = read(`${FOLDER}dht.json`)
  const again = runScales({ ...kept.plan, peersMax: CHECKED_MAX }, () => {})
  const small = kept.scale.map(({ tables, rows }) => ({
    tables,
    rows: rows.filter(({ peers }) => peers <= CHECKED_MAX),
  }))
  const page = readFileSync(`${FOLDER}dht.html`, 'utf8')
  return [
    ...(JSON.stringify(small) === JSON.stringify(again)
      ? []
      : [
          'docs/figures/dht.json is not what the simulation gives: node simulations/src/dht/figures.ts',
        ]),
    ...(page === renderDht(kept, readCalibration(), HEADER)
      ? []
      : [
          'docs/figures/dht.html is not made of dht.json and calibration.json: node simulations/src/dht/figures.ts --from docs/figures/dht.json',
        ]),
  ]
}

function read(path: string): DhtResults {
  return JSON.parse(readFileSync(path, 'utf8')) as DhtResults
}
