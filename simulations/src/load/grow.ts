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

/** What grows, and what tells how it does. */
export interface Growing {
  readonly network: Pick<
    LoadNetwork,
    'providers' | 'gateways' | 'addProvider' | 'addConsumer' | 'untilFound' | 'shrink'
  >
  readonly measure: (atOnce: number) => Promise<Step>
  /** Clients finish, and ask no more until something is measured again. */
  readonly rest: () => Promise<void>
  readonly signal: AbortSignal
  readonly tell: (text: string) => void
}

/** A network that takes longer to start than that is large enough for a run that people wait for. */
const GROW_MS = 180_000
const PER_CONSUMER = 2
/** Of the load that the machine held at its best: a provider that comes back takes three seconds of a core to start. */
const SOAK_SHARE = 0.7

/** As many providers, consumers and sessions as are asked for, or as the machine holds. */
export async function grow(growing: Growing, plan: LoadPlan): Promise<Grown> {
  const { network, measure, signal, tell } = growing
  const networks = await growNetwork(growing, plan)
  if (plan.atOnce !== undefined) return { networks, loads: [], atOnce: plan.atOnce }
  const loads: Step[] = []
  let atOnce = network.gateways.size * PER_CONSUMER
  while (atOnce <= AT_ONCE_MAX && goesOn(loads) && !signal.aborted) {
    tell(`${atOnce} sessions at once…`)
    loads.push(await measure(atOnce))
    atOnce *= 2
  }
  const held = best(loads)?.atOnce ?? network.gateways.size
  return { networks, loads, atOnce: Math.max(1, Math.round(held * SOAK_SHARE)) }
}

async function growNetwork(growing: Growing, plan: LoadPlan): Promise<Step[]> {
  const { network, measure, rest, signal, tell } = growing
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
    await reach(growing, providers, consumers)
    if (isFixed) return []
    steps.push(await measure(consumers * PER_CONSUMER))
    const isLargest = providers === most.providers && consumers === most.consumers
    if (isLargest || !goesOn(steps) || performance.now() > until) break
  }
  await rest()
  const last = steps.findLast((step) => brokenBy(step) === undefined)
  if (last !== undefined) await network.shrink(last.providers, last.consumers)
  return steps
}

async function reach(
  { network, signal }: Growing,
  providers: number,
  consumers: number,
): Promise<void> {
  // Two at a time: each compiles its code when it starts, and there may be two cores.
  while (network.providers.length < providers && !signal.aborted) {
    const left = Math.min(2, providers - network.providers.length)
    await Promise.all(Array.from({ length: left }, async () => await network.addProvider()))
  }
  while (network.gateways.size < consumers && !signal.aborted) await network.addConsumer()
  if (!signal.aborted) await network.untilFound()
}
