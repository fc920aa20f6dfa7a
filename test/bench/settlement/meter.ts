import { cpuUs } from '../process-use.ts'
import { serverCpuUs } from './postgres-cpu.ts'
import type { Running } from './service.ts'

/** What was used from one moment to another. */
export interface Used {
  readonly seconds: number
  /** Of the service's process, and of the database server, microseconds; undefined where the system does not tell. */
  readonly cpu: number | undefined
  readonly serverCpu: number | undefined
  /** Of this process, which sends. */
  readonly clientCpu: number
}

/** Begins to count; what it returns says what was used since. */
export function meterOf(service: Running, postmaster?: number): () => Used {
  const serverBefore = postmaster === undefined ? 0 : serverCpuUs(postmaster)
  const before = cpuUs(service.pid)
  const own = process.cpuUsage()
  const start = performance.now()
  return () => {
    const seconds = (performance.now() - start) / 1000
    const { user, system } = process.cpuUsage(own)
    const after = cpuUs(service.pid)
    const cpu = before === undefined || after === undefined ? undefined : after - before
    const serverCpu = postmaster === undefined ? undefined : serverCpuUs(postmaster) - serverBefore
    return { seconds, cpu, serverCpu, clientCpu: user + system }
  }
}
