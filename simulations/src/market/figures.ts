import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { deserialize, serialize } from './figures-file.ts'
import { renderMarket } from './report.ts'
import { freshTables, REPORT, rounded, runAll, shapesOf } from './run-all.ts'
import { runMarket } from './run-market.ts'

// Writes docs/figures/market.json and market.html from a run of the fixed seed, which takes minutes; `--from FILE` takes the
// market.json of a run instead. With --check nothing is written: the first market, and all that takes no market, is simulated
// again and must come out as it stands in the file, and the page must be what is made of the file.

const FOLDER = fileURLToPath(new URL('../../../docs/figures/', import.meta.url))
const HEADER = 'npm run sim -- market --seed 0'
const AGAIN = 'node simulations/src/market/figures.ts'

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, from: { type: 'string' } },
})

if (values.check) {
  const problems = await check()
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
} else write(values.from === undefined ? await runAll(REPORT, () => {}) : read(values.from))

function write(results: ReturnType<typeof read>): void {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(`${FOLDER}market.json`, serialize(results))
  writeFileSync(`${FOLDER}market.html`, renderMarket(results, HEADER))
}

async function check(): Promise<string[]> {
  const kept = read(`${FOLDER}market.json`)
  const page = readFileSync(`${FOLDER}market.html`, 'utf8')
  const [first] = shapesOf(kept.plan)
  const [shape] = first?.shapes ?? []
  const again = shape === undefined ? undefined : rounded(await runMarket(shape))
  const isSame =
    JSON.stringify(again) === JSON.stringify(kept.scenarios[0]?.runs[0]) &&
    serialize({ ...kept, ...freshTables(kept.scenarios) }) === serialize(kept) &&
    JSON.stringify(kept.plan) === JSON.stringify(REPORT)
  return [
    ...(isSame ? [] : [`docs/figures/market.json is not what the simulation gives: ${AGAIN}`]),
    ...(page === renderMarket(kept, HEADER)
      ? []
      : [
          `docs/figures/market.html is not made of market.json: ${AGAIN} --from docs/figures/market.json`,
        ]),
  ]
}

function read(path: string) {
  return deserialize(readFileSync(path, 'utf8'))
}
