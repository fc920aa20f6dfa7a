import { type Sample, type Slope, slopeOf } from '../lab/slope.ts'

export type Kind = 'settlement' | 'relay' | 'engine' | 'provider' | 'gateway' | 'simulation'

/** Of all processes of one kind that run now; MiB. */
export interface MemoryRow {
  readonly kind: Kind
  readonly processes: number
  readonly rssMedian: number
  readonly rssMost: number
  /** Live after a collection; null before the first. */
  readonly heapMedian: number | null
  readonly rssSlope: Slope | null
  readonly heapSlope: Slope | null
}

interface Lines {
  readonly kind: Kind
  readonly since: number
  readonly rss: Sample[]
  readonly heap: Sample[]
}

const MIB = 2 ** 20
/** Of resident memory, which is told of every two seconds. */
const RSS_EVERY_SECONDS = 5
/** What a process needs until it has loaded, compiled and filled its pools. */
const SETTLED_SECONDS = 60

/** What the probes tell, by process; what is kept of a day stays below a hundred thousand numbers. */
export class MemoryWatch {
  readonly #processes = new Map<number, Lines>()
  readonly #most = new Map<Kind, number>()
  readonly #startedAt = performance.now()

  hear(kind: Kind, pid: number, event: string, facts: Readonly<Record<string, unknown>>): void {
    if (event !== 'memory' && event !== 'live-heap') return
    const seconds = (performance.now() - this.#startedAt) / 1000
    const lines = this.#processes.get(pid) ?? { kind, since: seconds, rss: [], heap: [] }
    this.#processes.set(pid, lines)
    if (event === 'live-heap') {
      lines.heap.push({ seconds, value: Number(facts.heapUsed) / MIB })
      return
    }
    const value = Number(facts.rss) / MIB
    this.#most.set(kind, Math.max(value, this.#most.get(kind) ?? 0))
    if (seconds - (lines.rss.at(-1)?.seconds ?? -Infinity) < RSS_EVERY_SECONDS) return
    lines.rss.push({ seconds, value })
  }

  /** A process has ended. */
  forget(pid: number): void {
    this.#processes.delete(pid)
  }

  /** The most that one process of each kind ever held, MiB. */
  most(): Partial<Record<Kind, number>> {
    return Object.fromEntries([...this.#most].map(([kind, mib]) => [kind, round(mib)]))
  }

  rows(): MemoryRow[] {
    const kinds = Map.groupBy(this.#processes.values(), ({ kind }) => kind)
    return [...kinds].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([kind, all]) => row(kind, all))
  }
}

function row(kind: Kind, all: readonly Lines[]): MemoryRow {
  const rss = all.flatMap((lines) => lines.rss.at(-1)?.value ?? [])
  const heap = all.flatMap((lines) => lines.heap.at(-1)?.value ?? [])
  return {
    kind,
    processes: all.length,
    rssMedian: round(middle(rss) ?? 0),
    rssMost: round(Math.max(0, ...rss)),
    heapMedian: heap.length === 0 ? null : round(middle(heap) ?? 0),
    rssSlope: pooledSlope(all.map((lines) => settled(lines, lines.rss))),
    heapSlope: pooledSlope(all.map((lines) => settled(lines, lines.heap))),
  }
}

/** The last two thirds of what a process told, but nothing of its first minute. */
function settled({ since }: Lines, samples: readonly Sample[]): Sample[] {
  const end = samples.at(-1)?.seconds ?? 0
  const from = since + Math.max(SETTLED_SECONDS, (end - since) / 3)
  return samples.filter(({ seconds }) => seconds >= from)
}

/** One slope of several processes: each about its own mean, so that it matters not which are large. */
export function pooledSlope(lines: readonly (readonly Sample[])[]): Slope | null {
  const centred = lines.flatMap((samples) => {
    const time = mean(samples.map(({ seconds }) => seconds))
    const level = mean(samples.map(({ value }) => value))
    return samples.map(({ seconds, value }) => ({ seconds: seconds - time, value: value - level }))
  })
  return slopeOf(centred) ?? null
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

const middle = (values: readonly number[]): number | undefined =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const round = (value: number): number => Math.round(value * 10) / 10
