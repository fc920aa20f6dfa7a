import { totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clients } from './clients.ts'
import type { LoadNetwork } from './network.ts'
import type { Step } from './ramp.ts'

const MEASURE_MS = 6_000
/** After a change, until connections stand and code is compiled. */
const SETTLE_MS = 2_000

/** What the network gives at so many sessions at once. */
export async function measureStep(
  network: LoadNetwork,
  clients: Clients,
  atOnce: number,
  signal: AbortSignal,
): Promise<Step> {
  clients.set(atOnce, [...network.gateways.values()])
  await sleep(SETTLE_MS, undefined, { signal }).catch(() => {})
  const { tally, stop } = clients.count()
  await sleep(MEASURE_MS, undefined, { signal }).catch(() => {})
  stop()
  const { sessionsPerSecond, firstToken, failedShare } = tally.figures()
  return {
    atOnce,
    providers: network.there.length,
    consumers: network.gateways.size,
    sessionsPerSecond,
    firstTokenP95Ms: firstToken.p95 ?? undefined,
    failedShare,
    memoryFreeShare: process.availableMemory() / totalmem(),
  }
}
