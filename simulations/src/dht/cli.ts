import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { progressBar } from '../report/progress.ts'
import { readCalibration } from './calibration.ts'
import { renderDht } from './report.ts'
import { runCalibration } from './run-calibration.ts'
import { DHT, runDht } from './run-dht.ts'

const HELP = `Simulates the DHT: size, churn, a hot key, and attacks.

  --seed N        (0)
  --out DIR       write dht.json and dht.html (sim-out)
  --peers-max N   the largest network (${DHT.peersMax}); 1000000 needs 6 GiB
  --peers N       of the networks with churn, a hot key, and attackers (${DHT.peers})
  --calibrate     measure real libp2p networks first, on loopback; some minutes
  --help`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    out: { type: 'string', default: 'sim-out' },
    'peers-max': { type: 'string', default: String(DHT.peersMax) },
    peers: { type: 'string', default: String(DHT.peers) },
    calibrate: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const bar = progressBar()
  if (values.calibrate) await runCalibration((text) => bar.show(0, text))
  const started = performance.now()
  const plan = {
    ...DHT,
    seed: `dht ${values.seed}`,
    peersMax: positive('peers-max', values['peers-max']),
    peers: positive('peers', values.peers),
  }
  const results = runDht(plan, (done, text) => bar.show(done, text))
  bar.clear()
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const cpu = Math.round((userCPUTime + systemCPUTime) / 1e6)
  const header = `${new Date().toISOString()}, ${Math.round((performance.now() - started) / 1000)} s, ${cpu} s of CPU, ${Math.round(maxRSS / 1024)} MiB`
  mkdirSync(values.out, { recursive: true })
  writeFileSync(join(values.out, 'dht.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  writeFileSync(join(values.out, 'dht.html'), renderDht(results, readCalibration(), header))
  console.log(`${join(values.out, 'dht.html')}: ${header}`)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 100) return value
  console.error(`--${name} must be a whole number, 100 at least`)
  process.exit(2)
}
