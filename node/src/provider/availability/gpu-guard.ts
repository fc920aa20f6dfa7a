import type { Gpu, GpuReading } from '../../machine/machine.ts'

export interface GpuGuardOptions {
  /** Share of time, 0 to 1, from which on an idle provider takes the GPU for used by others; `undefined` never looks. */
  readonly pauseAboveBusy: number | undefined
  readonly pauseAboveCelsius: number | undefined
  readonly resumeBelowCelsius: number
  /** Share of a GPU's memory that other processes may hold, 0 to 1. */
  readonly pauseAboveOthersVram: number | undefined
  /** In so many readings, one after another, it must be so: one alone may be a peak. */
  readonly readings: number
}

/** What is going on in this node while the GPUs are read. */
export interface GuardFacts {
  /** Answers are being made, or were since the reading before. */
  readonly working: boolean
  /** Processes of this node and its engines; `undefined` where they are not all known. */
  readonly ownProcesses: ReadonlySet<number> | undefined
  readonly gpus: readonly Gpu[]
}

type Check = 'busy' | 'hot' | 'memory'
/** `over` trips it, `under` clears it; `between` and `unknown` leave it as it is. */
type Verdict = 'over' | 'under' | 'between' | 'unknown'

interface Watch {
  tripped: boolean
  /** Readings in a row that say otherwise. */
  against: number
  /** What it was when it tripped, for the owner. */
  reason: string
}

/** Busy with others ends at half of where it begins, or it would end and begin with every frame of a game. */
const RESUME_SHARE = 0.5

/** Decides from readings of the GPUs whether their owner had better be left alone. No clock: it counts readings. */
export class GpuGuard {
  readonly #options: GpuGuardOptions
  readonly #watches = new Map<string, Watch>()

  constructor(options: GpuGuardOptions) {
    this.#options = options
  }

  /** Why it is paused, in words for the owner. */
  get reasons(): string[] {
    return [...this.#watches.values()].filter((watch) => watch.tripped).map(({ reason }) => reason)
  }

  observe(readings: readonly GpuReading[], facts: GuardFacts): void {
    const present = new Set(readings.map(({ id }) => id))
    // A GPU that was taken out holds nothing up.
    for (const key of this.#watches.keys())
      if (!present.has(key.slice(0, key.lastIndexOf(' ')))) this.#watches.delete(key)
    for (const reading of readings) {
      this.#see(reading.id, 'hot', this.#heat(reading), `${reading.temperatureCelsius} °C`)
      this.#see(
        reading.id,
        'busy',
        this.#busy(reading, facts),
        `busy with something else (${percent(reading.utilization)})`,
      )
      const held = othersVram(reading, facts)
      this.#see(
        reading.id,
        'memory',
        this.#memory(held),
        `short of memory: others hold ${percent(held ?? null)}`,
      )
    }
  }

  #see(id: string, check: Check, verdict: Verdict, what: string): void {
    const key = `${id} ${check}`
    const watch = this.#watches.get(key) ?? { tripped: false, against: 0, reason: '' }
    this.#watches.set(key, watch)
    if (verdict === 'unknown') return
    if (verdict === (watch.tripped ? 'under' : 'over')) watch.against++
    else watch.against = 0
    if (watch.against < this.#options.readings) return
    watch.tripped = !watch.tripped
    watch.against = 0
    watch.reason = check === 'hot' ? `${id} is at ${what}` : `${id} is ${what}`
  }

  #heat({ temperatureCelsius }: GpuReading): Verdict {
    const { pauseAboveCelsius, resumeBelowCelsius } = this.#options
    return judge(temperatureCelsius, pauseAboveCelsius, resumeBelowCelsius)
  }

  /** While answers are made the GPU is busy with them, and nothing can be said. */
  #busy({ utilization }: GpuReading, { working }: GuardFacts): Verdict {
    const { pauseAboveBusy } = this.#options
    if (working) return 'unknown'
    return judge(utilization, pauseAboveBusy, (pauseAboveBusy ?? 0) * RESUME_SHARE)
  }

  #memory(held: number | undefined): Verdict {
    const { pauseAboveOthersVram } = this.#options
    return judge(held ?? null, pauseAboveOthersVram, (pauseAboveOthersVram ?? 0) * RESUME_SHARE)
  }
}

function judge(value: number | null, above: number | undefined, below: number): Verdict {
  if (above === undefined) return 'under'
  if (value === null) return 'unknown'
  if (value > above) return 'over'
  return value < below ? 'under' : 'between'
}

/** Share of the memory that processes of others hold; `undefined` where that cannot be told. */
function othersVram(
  { id, processes }: GpuReading,
  { ownProcesses, gpus }: GuardFacts,
): number | undefined {
  const total = gpus.find((gpu) => gpu.id === id)?.vramBytes ?? 0
  if (ownProcesses === undefined || total === 0) return undefined
  const others = processes.filter(({ pid }) => !ownProcesses.has(pid))
  return others.reduce((sum, { vramBytes }) => sum + (vramBytes ?? 0), 0) / total
}

function percent(share: number | null): string {
  return share === null ? 'unknown' : `${Math.round(share * 100)} %`
}
