import { totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clients } from './clients.ts'
import type { LoadNetwork } from './network.ts'
import { AT_ONCE_MAX, CONSUMERS_MAX, type LoadPlan, PROVIDERS_MAX } from './plan.ts'
import { best, brokenBy, goesOn, type Step } from './ramp.ts'

export interface Grown {
  /** Networks of so many, at two sessions a consumer. */
  readonly networks: readonly Step[]
  /** Sessions at once, in the network that was kept. */
  readonly loads: readonly Step[]
  /** Sessions at once for the soak. */
  readonly atOnce: number
}

const MEASURE_MS = 6_000
/** After a change, until connections stand and code is compiled. */
const SETTLE_MS = 2_000
/** A network that takes longer to start than that is large enough for a run that people wait for. */
const GROW_MS = 180_000
const PER_CONSUMER = 2
/** Of the load that the machine held at its best: a provider that comes back takes three seconds of a core to start. */
const SOAK_SHARE = 0.7

/** As many providers, consumers and sessions as are asked for, or as the machine holds. */
export async function grow(
  network: LoadNetwork,
  clients: Clients,
  plan: LoadPlan,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<Grown> {
  const networks = await growNetwork(network, clients, plan, signal, tell)
  if (plan.atOnce !== undefined) return { networks, loads: [], atOnce: plan.atOnce }
  const loads: Step[] = []
  for (
    let atOnce = network.gateways.size * PER_CONSUMER;
    atOnce <= AT_ONCE_MAX && goesOn(loads) && !signal.aborted;
    atOnce *= 2
  ) {
    tell(`${atOnce} sessions at once…`)
    loads.push(await measure(network, clients, atOnce, signal))
  }
  const held = best(loads)?.atOnce ?? network.gateways.size
  return { networks, loads, atOnce: Math.max(1, Math.round(held * SOAK_SHARE)) }
}

async function growNetwork(
  network: LoadNetwork,
  clients: Clients,
  plan: LoadPlan,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<Step[]> {
  const isFixed = plan.providers !== undefined && plan.consumers !== undefined
  const most = {
    providers: plan.providers ?? PROVIDERS_MAX,
    consumers: plan.consumers ?? CONSUMERS_MAX,
  }
  const steps: Step[] = []
  const until = performance.now() + GROW_MS
  for (let size = isFixed ? Infinity : 1; !signal.aborted; size *= 2) {
    const providers = Math.min(most.providers, 2 * size)
    const consumers = Math.min(most.consumers, size)
    tell(`${providers} providers, ${consumers} consumers…`)
    await reach(network, providers, consumers, signal)
    if (isFixed) break
    steps.push(await measure(network, clients, consumers * PER_CONSUMER, signal))
    const isLargest = providers === most.providers && consumers === most.consumers
    if (isLargest || !goesOn(steps) || performance.now() > until) break
  }
  await clients.stop()
  const last = steps.findLast((step) => brokenBy(step) === undefined)
  if (last !== undefined) await network.shrink(last.providers, last.consumers)
  return steps
}

async function reach(
  network: LoadNetwork,
  providers: number,
  consumers: number,
  signal: AbortSignal,
): Promise<void> {
  // Two at a time: each compiles its code when it starts, and there may be two cores.
  while (network.providers.length < providers && !signal.aborted) {
    const left = Math.min(2, providers - network.providers.length)
    await Promise.all(Array.from({ length: left }, async () => await network.addProvider()))
  }
  while (network.gateways.size < consumers && !signal.aborted) await network.addConsumer()
  if (!signal.aborted) await network.untilFound()
}

async function measure(
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
