import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { progressBar } from '../report/progress.ts'
import { judge } from './judge.ts'
import { AT_ONCE_MAX, CONSUMERS_MAX, type LoadPlan, PROVIDERS_MAX } from './plan.ts'
import { renderLoad } from './report.ts'
import { runLoad } from './run-load.ts'

const HELP = `Runs a whole network on this machine, with real processes, under load, while providers come and go.

  --seed N            of who goes when (0)
  --out DIR           write load.json and load.html (sim-out)
  --minutes M         how long, after the ramp (5)
  --providers P       1 to ${PROVIDERS_MAX}; as many as the machine holds, when left out
  --consumers C       1 to ${CONSUMERS_MAX}; likewise
  --at-once N         sessions at once, 1 to ${AT_ONCE_MAX}; likewise
  --churn-seconds S   between two providers that leave or are killed (15)
  --help

Ctrl-C ends the soak, and all is reconciled and told; a second one ends everything at once.
Exit code 1 when books differ, memory grows, a process complains or sessions fail.`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    out: { type: 'string', default: 'sim-out' },
    minutes: { type: 'string', default: '5' },
    providers: { type: 'string' },
    consumers: { type: 'string' },
    'at-once': { type: 'string' },
    'churn-seconds': { type: 'string', default: '15' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const plan: LoadPlan = {
    seed: numberOf('seed', values.seed, 0, 999_999_999),
    minutes: numberOf('minutes', values.minutes, 0.1, 24 * 60, false),
    churnSeconds: numberOf('churn-seconds', values['churn-seconds'], 1, 3_600, false),
    ...wholeOf('providers', values.providers, PROVIDERS_MAX),
    ...wholeOf('consumers', values.consumers, CONSUMERS_MAX),
    ...wholeOf('atOnce', values['at-once'], AT_ONCE_MAX),
  }
  const startedAt = new Date().toISOString()
  const stop = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130)
    process.stderr.write('\nstopping: what was done is reconciled and told; again to end at once\n')
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const bar = progressBar()
  const result = await runLoad(plan, stop.signal, {
    onProgress: (done, text) => bar.show(done, text),
    onSoak: (text) => {
      bar.clear()
      process.stderr.write(`${text}\n`)
    },
  })
  bar.clear()
  const faults = judge(result)
  mkdirSync(values.out, { recursive: true })
  const path = join(values.out, 'load.html')
  const kept = { simulation: 'load', startedAt, faults, ...result }
  writeFileSync(join(values.out, 'load.json'), `${JSON.stringify(kept, undefined, 2)}\n`)
  const { total, providers, consumers, seconds, reconciliation } = result
  writeFileSync(path, renderLoad(result, faults, `${startedAt}, ${seconds.all} s`))
  for (const fault of faults) console.log(`FAULT: ${fault}`)
  console.log(
    `${path}: ${providers} providers, ${consumers} consumers, ${total.sessions} sessions in ${seconds.soak} s (${total.sessionsPerSecond}/s), ${reconciliation.paidSessions} paid; ${faults.length === 0 ? 'all held' : `${faults.length} did not hold`}`,
  )
  process.exitCode = faults.length === 0 ? 0 : 1
}

function wholeOf(
  name: 'providers' | 'consumers' | 'atOnce',
  text: string | undefined,
  most: number,
) {
  return text === undefined ? {} : { [name]: numberOf(name, text, 1, most) }
}

function numberOf(name: string, text: string, least: number, most: number, isWhole = true): number {
  const value = Number(text)
  if (value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value
  console.error(`--${name} must be a ${isWhole ? 'whole ' : ''}number from ${least} to ${most}`)
  process.exit(2)
}
