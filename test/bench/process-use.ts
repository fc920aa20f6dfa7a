import { readFileSync } from 'node:fs'

/** One of the processes that are watched. */
export interface Watched {
  readonly name: string
  readonly pid: number
}

export interface Memory {
  /** Resident now, MB (10^6 bytes). */
  readonly residentMb: number
  /** The most that was ever resident. */
  readonly peakMb: number
}

/** Linux counts in hundredths of a second, whatever its own tick is (USER_HZ). */
const US_PER_TICK = 10_000

/** User and system time of a process with all its threads so far, µs; `undefined` where there is no /proc. Steps of 10 ms. */
export function cpuUs(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name, in brackets, may hold spaces; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * US_PER_TICK
}

/** `undefined` where there is no /proc. */
export function memoryOf(pid: number): Memory | undefined {
  if (process.platform !== 'linux') return undefined
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mb = (field: string): number =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'mu').exec(status)?.[1]) * 1024) / 1e6
  return { residentMb: mb('VmRSS'), peakMb: mb('VmHWM') }
}
