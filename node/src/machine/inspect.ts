import { availableParallelism, cpus, totalmem } from 'node:os'
import { lookApple } from './apple.ts'
import { lookGraphics } from './graphics.ts'
import { lookLinux } from './linux.ts'
import type { GpuReading, Machine } from './machine.ts'
import { lookNvidia } from './nvidia.ts'
import { Programs } from './programs.ts'
import type { Finding, Looked, MachineAccess } from './sighting.ts'

/** A machine, and why something on it may be missing from the list. */
export interface Inspection {
  readonly machine: Machine
  readonly findings: readonly Finding[]
}

/** Where Windows' Linux and AMD's packages keep their tools. */
const MORE_FOLDERS = ['/usr/lib/wsl/lib', '/opt/rocm/bin', '/usr/sbin', '/usr/bin', '/bin']

/** The machine that this runs on. */
export function thisMachine(path: string = process.env.PATH ?? ''): MachineAccess {
  return {
    platform: process.platform,
    programs: new Programs({ path, moreFolders: MORE_FOLDERS }),
    sysRoot: '/sys',
    memoryBytes: memoryBytes(),
  }
}

/** GPUs, memory and processor of this machine. Never throws: what cannot be told is left out. */
export async function inspectMachine(access: MachineAccess = thisMachine()): Promise<Machine> {
  return (await examineMachine(access)).machine
}

/** The same, with what went wrong on the way. */
export async function examineMachine(access: MachineAccess = thisMachine()): Promise<Inspection> {
  const { sightings, findings } = await look(access, { names: true })
  return {
    machine: {
      gpus: sightings.map(({ gpu }) => gpu),
      memoryBytes: access.memoryBytes,
      cpu: cpus()[0]?.model.trim() || process.arch,
      cores: availableParallelism(),
    },
    findings,
  }
}

/** What the GPUs do now, by the ids of `inspectMachine`. Never throws. */
export async function readGpus(access: MachineAccess = thisMachine()): Promise<GpuReading[]> {
  return (await look(access, { names: false })).sightings.map(({ reading }) => reading)
}

async function look(access: MachineAccess, { names }: { names: boolean }): Promise<Looked> {
  const found: Looked[] = []
  if (access.platform === 'darwin') {
    found.push(await lookApple(access))
  } else {
    const nvidia = await lookNvidia(access)
    found.push(nvidia)
    if (access.platform === 'linux') {
      found.push(await lookLinux(access, { names, nvidiaSeen: nvidia.sightings.length > 0 }))
    }
  }
  // Linux tells all by sysfs; the list of the operating system has no readings, so polls need not ask it.
  if (
    names &&
    access.platform !== 'linux' &&
    found.every(({ sightings }) => sightings.length === 0)
  ) {
    found.push(await lookGraphics(access))
  }
  return {
    sightings: found.flatMap(({ sightings }) => sightings),
    findings: found.flatMap(({ findings }) => findings),
  }
}

/** What this process may use: a container may get less than the machine has. */
function memoryBytes(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
