import { readdirSync } from 'node:fs'
import { type Sample, type Slope, slopeOf } from '@hanse/simulations/lab'
import { DAEMONS, type Daemon, type SoakMarket, type Told } from './soak-market.ts'

const MIB = 2 ** 20

export const MEASURES = ['rss', 'live-heap', 'live-external'] as const
export type Measure = (typeof MEASURES)[number]

export interface MemoryRow {
  readonly daemon: Daemon
  readonly measure: Measure
  /** MiB. */
  readonly first: number
  readonly last: number
  readonly most: number
  /** MiB a minute over the last two thirds; absent in a run too short for it. */
  readonly slope: Slope | undefined
}

/** What the probes tell, kept for the end. */
export class Watch {
  readonly complaints: string[] = []
  readonly #series = new Map<string, Sample[]>()
  readonly #pids = new Map<Daemon, number>()
  readonly #startedAt = performance.now()

  hear({ daemon, pid, event, facts }: Told): void {
    if (event === 'warning' || event === 'uncaught')
      this.complaints.push(
        `${daemon}: ${event}: ${String(facts.name ?? facts.origin)}: ${String(facts.message)}`,
      )
    if (event === 'memory') this.#add(daemon, pid, 'rss', facts.rss)
    if (event !== 'live-heap') return
    this.#add(daemon, pid, 'live-heap', facts.heapUsed)
    this.#add(daemon, pid, 'live-external', facts.external)
  }

  rows(): MemoryRow[] {
    const end = (performance.now() - this.#startedAt) / 1000
    return DAEMONS.flatMap((daemon) =>
      MEASURES.flatMap((measure) => {
        const samples = this.#series.get(`${daemon} ${measure}`) ?? []
        const values = samples.map(({ value }) => value)
        const [first, last] = [values[0], values.at(-1)]
        if (first === undefined || last === undefined) return []
        const slope = slopeOf(samples.filter(({ seconds }) => seconds >= end / 3))
        return [{ daemon, measure, first, last, most: Math.max(...values), slope }]
      }),
    )
  }

  series(): Record<string, readonly Sample[]> {
    return Object.fromEntries(this.#series)
  }

  #add(daemon: Daemon, pid: number, measure: Measure, bytes: unknown): void {
    const name = `${daemon} ${measure}`
    // A process that was started again begins a line of its own.
    if (this.#pids.get(daemon) !== pid)
      for (const each of MEASURES) this.#series.delete(`${daemon} ${each}`)
    this.#pids.set(daemon, pid)
    const samples = this.#series.get(name) ?? []
    samples.push({
      seconds: (performance.now() - this.#startedAt) / 1000,
      value: Number(bytes) / MIB,
    })
    this.#series.set(name, samples)
  }
}

/** What a market holds open. */
export interface Holdings {
  readonly files: Readonly<Record<string, number>>
  readonly connections: Readonly<Record<string, number>>
  readonly sessions: number
}

export async function holdingsOf(market: SoakMarket): Promise<Holdings> {
  const files = DAEMONS.map((daemon) => [daemon, openFiles(market.pid(daemon))] as const)
  const connections: Record<string, number> = {}
  let sessions = 0
  for (const provider of ['provider', 'built-in'] as const) {
    const status = await market.control(provider).status()
    connections[provider] = status.connections
    sessions += status.sessions.length
    for (const { busy, queued } of status.models) sessions += busy + queued
  }
  return { files: Object.fromEntries(files), connections, sessions }
}

/** Whether nothing is held that was not held before, but for what is kept on purpose. */
export function isIdle(now: Holdings, before: Holdings): boolean {
  const within = (some: Readonly<Record<string, number>>, most: typeof some, more: number) =>
    Object.entries(some).every(([name, count]) => count <= (most[name] ?? 0) + more)
  return (
    now.sessions === 0 &&
    within(now.connections, before.connections, CONNECTIONS_MORE) &&
    within(now.files, before.files, FILES_MORE)
  )
}

/** Connections to the engine are kept for the next orders, as many as were asked at once. */
const FILES_MORE = 16
/** Two nodes that dial each other at once have two connections for a while; there are four nodes and the watcher. */
const CONNECTIONS_MORE = 2

/** 0 where there is no /proc. */
function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}
