import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { machineFacts } from './report.ts'
import { type Figure, measureStore } from './settlement/measure.ts'
import { markdownSettlement, printSettlement } from './settlement/report.ts'
import { FULL, QUICK, SCENARIOS, type Scenario, STORES } from './settlement/scale.ts'
import { outcomes } from './settlement/targets.ts'

const USAGE = `usage: npm run bench:settlement -- [options]

A settlement service in a process of its own, over HTTP, on PostgreSQL and on PGlite; every round beside the raw rates of
signature checks and of set-based inserts on the same machine.

  --json FILE      where the figures are written (default: bench-results/settlement.json)
  --quick          a rough run of a minute
  --only NAMES     these stores and scenarios alone, with commas: --only postgres,receipts
                   (stores: ${STORES.join(', ')}; scenarios: ${SCENARIOS.join(', ')})
  --rounds N       how often everything is measured (default: ${FULL.rounds}, quick: ${QUICK.rounds})
  --markdown FILE  the figures as tables of Markdown, for docs/benchmarks.md
  --check          ends with 1 when a target is missed`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/settlement.json' },
      markdown: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const scale = values.quick ? QUICK : FULL
  const rounds = countOf(values.rounds ?? String(scale.rounds))
  const { stores, scenarios } = select(values.only)
  const machine = machineFacts()
  const startedAt = new Date().toISOString()
  const figures: Figure[] = []
  const facts = { benchmark: 'settlement', quick: values.quick, rounds, startedAt, machine }
  mkdirSync(dirname(values.json), { recursive: true })
  for (const store of stores) {
    figures.push(...(await measureStore(store, { ...scale, rounds }, scenarios, progress)))
    // Whoever stops it early keeps what was measured.
    const report = { ...facts, figures, targets: outcomes(figures) }
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
    progress(`${store}: written to ${values.json}`)
  }
  const targets = outcomes(figures)
  console.log(printSettlement(figures, targets, machine))
  if (values.markdown !== undefined) {
    writeFileSync(values.markdown, markdownSettlement(figures, targets))
    progress(`written to ${values.markdown}`)
  }
  if (values.check && targets.some(({ met }) => !met)) process.exitCode = 1
}

/** @throws {RangeError} for a name that there is not */
function select(only: string | undefined) {
  const names = only?.split(',') ?? []
  const known: readonly string[] = [...STORES, ...SCENARIOS]
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new RangeError(`--only ${unknown}: one of ${known.join(', ')}`)
  const stores = STORES.filter((store) => names.includes(store))
  const scenarios = SCENARIOS.filter((scenario) => names.includes(scenario))
  return {
    stores: stores.length === 0 ? STORES : stores,
    scenarios: new Set<Scenario>(scenarios.length === 0 ? SCENARIOS : scenarios),
  }
}

function countOf(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`--rounds ${text}: 1 or more`)
  return count
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

await main()
