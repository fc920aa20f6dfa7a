import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { type Interval, medianInterval } from './eu-mode/interval.ts'
import { EuRig, MODES } from './eu-mode/rig.ts'
import type { LoadClient } from './load-client.ts'
import { machineFacts, table } from './report.ts'
import { askAll, firstToken, type Scenario, throughput } from './scenarios.ts'
import { measureSides, type SideFigure, sumOf } from './sides.ts'

const USAGE = `usage: npm run bench:eu -- [options]

What EU mode costs: one engine, and before it twice a provider and a gateway, without EU mode and with it (audit log, lawful
basis, residency by an attestation of level 4, revocations). Both are measured in each round, in turns.

  --json FILE   where the figures are written (default: bench-results/eu-mode.json)
  --quick       a rough run of some seconds
  --rounds N    how often everything is measured (default: 12, quick: 2); from six on the intervals are of 95 %`

interface Scale {
  readonly rounds: number
  readonly warmUpAnswers: number
  readonly scenarios: readonly Scenario<LoadClient>[]
}

/** Tokens of an answer where throughput is measured. */
const LONG = 2_000
const FULL: Scale = {
  rounds: 12,
  warmUpAnswers: 400,
  scenarios: [firstToken(100), throughput(1, 8, LONG), throughput(16, 32, LONG)],
}
/** To see that it works; its figures are rough. */
const QUICK: Scale = {
  rounds: 2,
  warmUpAnswers: 16,
  scenarios: [firstToken(10), throughput(1, 2, LONG), throughput(16, 16, 500)],
}

interface Overhead {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** Medians of the rounds. */
  readonly off: number
  readonly on: number
  /** With EU mode over without, round by round. */
  readonly ratio: Interval
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/eu-mode.json' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const scale = values.quick ? QUICK : FULL
  const rounds = countOf(values.rounds ?? String(scale.rounds))
  const startedAt = new Date().toISOString()
  const machine = machineFacts()
  progress('starting both…')
  await using rig = await EuRig.start()
  progress('warming up…')
  for (const { target } of rig.sides) await askAll(target, 16, scale.warmUpAnswers, { tokens: 16 })
  const { figures, costs } = await measureSides(rig.sides, scale.scenarios, rounds, (done) =>
    progress(`round ${done} of ${rounds}`),
  )
  const overheads = figures.map(overheadOf)
  const cpu = costs.map((cost) => ({ ...cost, sumUs: sumOf(cost) }))
  console.log(`${machine.cpu}, ${machine.cores} cores shared by all; Node ${machine.node}`)
  console.log(lines(overheads).join('\n'))
  mkdirSync(dirname(values.json), { recursive: true })
  const facts = { benchmark: 'eu-mode', quick: values.quick, rounds, startedAt }
  const written = { ...facts, machine, overheads, figures, costs: cpu }
  writeFileSync(values.json, `${JSON.stringify(written, null, 2)}\n`)
  progress(`written to ${values.json}`)
}

function overheadOf({ id, title, unit, better, sides, ratios }: SideFigure): Overhead {
  const [off, on] = MODES.map((mode) => sides[mode]?.median ?? Number.NaN) as [number, number]
  return { id, title, unit, better, off, on, ratio: medianInterval(ratios.on?.rounds ?? []) }
}

function lines(overheads: readonly Overhead[]): string[] {
  const [first] = overheads
  const sure = Math.round((first?.ratio.confidence ?? 0) * 100)
  return table([
    ['', 'EU mode off', 'on', '', 'on/off', `interval (${sure} %)`],
    ...overheads.map(({ title, unit, off, on, ratio: { median, low, high } }) => [
      title,
      off.toFixed(2),
      on.toFixed(2),
      unit,
      median.toFixed(3),
      `${low.toFixed(3)} to ${high.toFixed(3)}`,
    ]),
  ])
}

/** @throws {RangeError} when it is no whole number above zero */
function countOf(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`--rounds ${text}: 1 or more`)
  return count
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

await main()
