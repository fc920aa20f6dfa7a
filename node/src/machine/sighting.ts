import type { Gpu, GpuReading } from './machine.ts'
import type { Programs } from './programs.ts'

/** A card, and what it is doing. */
export interface Sighting {
  readonly gpu: Gpu
  readonly reading: GpuReading
}

/** Something that the doctor tells the owner: a tool that failed, a card without a driver. */
export interface Finding {
  /** What was asked, such as `nvidia-smi`. */
  readonly source: string
  readonly reason: string
}

export interface Looked {
  readonly sightings: readonly Sighting[]
  readonly findings: readonly Finding[]
}

/** The machine as the inspection reaches it. */
export interface MachineAccess {
  readonly platform: NodeJS.Platform
  readonly programs: Programs
  /** `/sys` on Linux. */
  readonly sysRoot: string
  readonly memoryBytes: number
}

export const NOTHING: Looked = { sightings: [], findings: [] }

/** A reading of which the driver tells nothing. */
export function silent(id: string): GpuReading {
  return {
    id,
    utilization: null,
    temperatureCelsius: null,
    vramUsedBytes: null,
    powerWatts: null,
    processes: [],
  }
}

/** A number as tools print it; some write a comma before the decimals. `null` for `[N/A]`, `Not Supported` and the like. */
export function numberOf(text: unknown): number | null {
  if (typeof text === 'number') return Number.isFinite(text) && text >= 0 ? text : null
  if (typeof text !== 'string') return null
  const trimmed = text.trim().replace(',', '.')
  return /^\d{1,18}(?:\.\d{1,9})?$/u.test(trimmed) ? Number(trimmed) : null
}

/** Percent as a share; what is above 100 was measured badly and is 1. */
export function shareOf(percent: unknown): number | null {
  const number = numberOf(percent)
  return number === null ? null : Math.min(1, number / 100)
}

/** More cards than any machine holds: a guard against output that never ends. */
export const GPUS_MAX = 64
/** A name as the driver gives it, without what a terminal would obey. */
export function cleanName(name: string): string {
  return name
    .replace(/[\p{Cc}\p{Cf}]/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim()
    .slice(0, 100)
}
