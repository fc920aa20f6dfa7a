import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { plot } from './plot.ts'
import { formatTable } from './report.ts'
import { RESIDENCY, runResidency } from './run-residency.ts'

const HELP = `Measures providers from landmarks, and tells how often latency proves, leaves open or excludes that they are in the EU.

  --seed TEXT     ('${RESIDENCY.seed}')
  --providers N   of each kind: honest, outside, outside by radio, behind a proxy in the EU (${RESIDENCY.providers})
  --pings N       in a series, of which the smallest counts (${RESIDENCY.pings})
  --svg FILE      write the plot
  --json FILE     write every figure
  --help`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: RESIDENCY.seed },
    providers: { type: 'string', default: String(RESIDENCY.providers) },
    pings: { type: 'string', default: String(RESIDENCY.pings) },
    svg: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else main()

function main(): void {
  const plan = {
    ...RESIDENCY,
    seed: values.seed,
    providers: positive('providers', values.providers),
    pings: positive('pings', values.pings),
  }
  const outcomes = runResidency(plan, (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u{1b}[K${Math.round(done * 100)} %`)
  })
  if (process.stderr.isTTY) process.stderr.write('\r\u{1b}[K')
  console.log(formatTable(outcomes))
  if (values.svg !== undefined) writeFileSync(values.svg, plot(outcomes))
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ plan, outcomes }, undefined, 2)}\n`)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  console.error(`--${name} must be a whole number above 0`)
  process.exit(2)
}
