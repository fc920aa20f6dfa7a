import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../kernel/random.ts'
import { type MachineFacts, machineFacts } from '../lab/index.ts'
import { readBooks } from './books.ts'
import { Clients } from './clients.ts'
import { ComingAndGoing } from './coming-and-going.ts'
import { type Grown, grow } from './grow.ts'
import { measureStep } from './measure.ts'
import { type MemoryRow, MemoryWatch } from './memory.ts'
import { LoadNetwork, MODEL } from './network.ts'
import type { LoadPlan } from './plan.ts'
import { type Reconciliation, reconcile } from './reconcile.ts'
import { checkSettlement, type SettlementChecks, untilTold } from './settle-up.ts'
import type { Figures } from './tally.ts'

/** A minute of the soak, or what was left of the last one. */
export interface Minute extends Figures {
  /** Of the providers, at its end. */
  readonly there: number
  readonly memory: readonly MemoryRow[]
}

export interface LoadResult {
  readonly plan: LoadPlan
  readonly machine: MachineFacts
  readonly providers: number
  readonly consumers: number
  readonly grown: Grown
  readonly minutes: readonly Minute[]
  /** Of the whole soak. */
  readonly total: Figures
  readonly churn: ComingAndGoing['done']
  /** The most that one process of a kind held, MiB. */
  readonly memoryMost: Readonly<Record<string, number>>
  readonly checks: SettlementChecks
  readonly reconciliation: Reconciliation
  /** Warnings and exceptions of the processes, and those that ended by themselves. */
  readonly complaints: readonly string[]
  /** Whether it was stopped before its time. */
  readonly isCutShort: boolean
  readonly seconds: { readonly soak: number; readonly reconcile: number; readonly all: number }
  /** Of the processes that were started; and what of them and of their files is still there. */
  readonly processes: number
  readonly leftovers: readonly string[]
}

export interface Watcher {
  /** How far the run is, 0…1. */
  readonly onProgress: (done: number, text: string) => void
  /** Told once, when all is there and the clients ask. */
  readonly onSoak: (text: string) => void
}

const MINUTE_MS = 60_000
/** Shares of the progress bar. */
const [STARTED, GROWN, SOAKED] = [0.05, 0.25, 0.9]

/** @param signal ends the soak before its time; what was done is reconciled and told all the same */
export async function runLoad(
  plan: LoadPlan,
  signal: AbortSignal,
  { onProgress, onSoak }: Watcher,
): Promise<LoadResult> {
  const startedAt = performance.now()
  const machine = machineFacts()
  const memory = new MemoryWatch()
  onProgress(0, 'settlement, relay and engine…')
  const collectMs = Math.round(Math.min(30_000, Math.max(2_000, (plan.minutes * MINUTE_MS) / 20)))
  const network = await LoadNetwork.start({
    memory,
    collectMs,
    onProgress: (text) => onProgress(0, text),
  })
  const own = setInterval(
    () => memory.hear('simulation', process.pid, 'memory', { ...process.memoryUsage() }),
    2_000,
  )
  const clients = new Clients(MODEL)
  try {
    const growing = {
      network,
      measure: async (atOnce: number) => await measureStep(network, clients, atOnce, signal),
      rest: async () => await clients.stop(),
      signal,
      tell: (text: string) => onProgress(STARTED, text),
    }
    const grown = await grow(growing, plan)
    const soakedAt = performance.now()
    const tell = (share: number, text: string) => onProgress(GROWN + share * (SOAKED - GROWN), text)
    const soaked = await soak({ plan, network, clients, memory, grown, signal, onSoak }, tell)
    const reconciledAt = performance.now()
    onProgress(SOAKED, 'waiting until settlement knows of everything…')
    const { consumers, providers } = network.ever
    await untilTold(network, [...consumers, ...providers])
    onProgress(SOAKED, 'checking ledger and log…')
    const checks = await checkSettlement(network)
    const ended = network.failed
    // Books are read in this process, with a database of their own: that is no part of the load.
    clearInterval(own)
    onProgress(SOAKED, 'ending all processes, reading their books…')
    await network.stop()
    const books = await readBooks(network.folder, consumers, providers)
    const reconciliation = reconcile(books, network.killed)
    await network[Symbol.asyncDispose]()
    const now = performance.now()
    return {
      plan,
      machine,
      providers: network.providers.length,
      consumers: network.gateways.size,
      grown,
      ...soaked,
      memoryMost: memory.most(),
      checks,
      reconciliation,
      complaints: [
        ...(ended === undefined ? [] : [`${ended} ended by itself`]),
        ...network.complaints,
      ],
      isCutShort: signal.aborted,
      seconds: {
        soak: Math.round((reconciledAt - soakedAt) / 1000),
        reconcile: Math.round((now - reconciledAt) / 1000),
        all: Math.round((now - startedAt) / 1000),
      },
      processes: network.started,
      leftovers: leftoversOf(network),
    }
  } finally {
    clearInterval(own)
    await clients.stop()
    await network[Symbol.asyncDispose]()
  }
}

interface Soak {
  readonly plan: LoadPlan
  readonly network: LoadNetwork
  readonly clients: Clients
  readonly memory: MemoryWatch
  readonly grown: Grown
  readonly signal: AbortSignal
  readonly onSoak: Watcher['onSoak']
}

async function soak(
  { plan, network, clients, memory, grown, signal, onSoak }: Soak,
  tell: (share: number, text: string) => void,
): Promise<Pick<LoadResult, 'minutes' | 'total' | 'churn'>> {
  const churn = new ComingAndGoing(network, new Random(`load ${plan.seed}`), plan.churnSeconds)
  const stop = new AbortController()
  const going = churn.run(AbortSignal.any([signal, stop.signal]))
  // Thrown where it is awaited, below.
  going.catch(() => {})
  if (!signal.aborted) clients.set(grown.atOnce, [...network.gateways.values()])
  onSoak(
    `${network.there.length} providers, ${network.gateways.size} consumers, ${grown.atOnce} sessions at once for ${plan.minutes} min`,
  )
  const minutes: Minute[] = []
  const total = clients.count()
  const lastMs = plan.minutes * MINUTE_MS
  const startedAt = performance.now()
  const leftMs = () => lastMs - (performance.now() - startedAt)
  while (leftMs() > 0 && !signal.aborted && network.failed === undefined) {
    const { tally, stop: stopMinute } = clients.count()
    const until = performance.now() + Math.min(MINUTE_MS, leftMs())
    while (performance.now() < until && !signal.aborted && network.failed === undefined) {
      const { sessionsPerSecond, failures } = total.tally.figures()
      tell(
        1 - leftMs() / lastMs,
        `${Math.round(leftMs() / 1000)} s left: ${sessionsPerSecond} sessions/s, ${network.there.length} of ${network.providers.length} providers there, failures ${JSON.stringify(failures)}`,
      )
      const forMs = Math.max(1, Math.min(1_000, until - performance.now()))
      await sleep(forMs, undefined, { signal }).catch(() => {})
    }
    stopMinute()
    minutes.push({ ...tally.figures(), there: network.there.length, memory: memory.rows() })
  }
  total.stop()
  const figures = total.tally.figures()
  stop.abort()
  tell(1, 'clients finish, providers come back…')
  await clients.stop()
  await going
  return { minutes, total: figures, churn: churn.done }
}

function leftoversOf({ running, folder }: LoadNetwork): string[] {
  const alive = [...running].map((pid) => `process ${pid}`)
  return existsSync(folder) ? [...alive, folder] : alive
}
