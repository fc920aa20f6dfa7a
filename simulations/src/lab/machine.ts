import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly memoryMb: number
  readonly platform: string
  readonly kernel: string
  readonly node: string
  /** How many processes wanted to run, on average of the last minute. */
  readonly load: number
}

export function machineFacts(): MachineFacts {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / 1e6),
    platform: `${process.platform} ${process.arch}`,
    // What a distribution adds to it says nothing of speed.
    kernel: release().split('-')[0] ?? '',
    node: process.version,
    load: loadavg()[0] ?? Number.NaN,
  }
}
