import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { MachineProbe, ProviderFacts } from '../provider-facts.ts'

const GIB = 1024 ** 3
/** Receipts of a busy day take some megabytes, but SQLite needs room to write its log. */
const DISK_FAIL_BYTES = 0.1 * GIB
const DISK_WARN_BYTES = 1 * GIB
/** Below this, systems begin to kill or swap. */
const MEMORY_SHARE_MIN = 0.05
/** Drivers slow a card down between 83 and 95 °C. */
const HOT_CELSIUS = 85
/** Without a session of ours running, more than this is somebody else. */
const FOREIGN_UTILIZATION = 0.5

export function diskFree({ machine }: { readonly machine: MachineProbe }): Finding {
  const id = 'machine.disk'
  const { diskFreeBytes, dataDir } = machine
  if (diskFreeBytes === undefined) {
    return unknown(id, `free space of ${dataDir} is not known`, 'Check it with df.', { dataDir })
  }
  const gib = diskFreeBytes / GIB
  const facts = { dataDir, freeGiB: Math.round(gib * 10) / 10 }
  const advice = 'Free space there; hanse models list shows what models take.'
  const title = `${gib.toFixed(1)} GiB are free for receipts and models`
  if (diskFreeBytes < DISK_FAIL_BYTES)
    return fail(id, `${title}: too little to keep receipts`, advice, facts)
  return diskFreeBytes < DISK_WARN_BYTES ? warn(id, title, advice, facts) : ok(id, title, facts)
}

export function memoryFree({ machine }: { readonly machine: MachineProbe }): Finding {
  const id = 'machine.memory'
  const { memoryFreeBytes, memoryBytes } = machine
  const facts = {
    freeGiB: Math.round((memoryFreeBytes / GIB) * 10) / 10,
    totalGiB: Math.round((memoryBytes / GIB) * 10) / 10,
  }
  const title = `${facts.freeGiB} of ${facts.totalGiB} GiB of memory are free`
  return memoryFreeBytes < memoryBytes * MEMORY_SHARE_MIN
    ? warn(
        id,
        title,
        'Close other programs, or offer a smaller model: an engine without memory is killed.',
        facts,
      )
    : ok(id, title, facts)
}

export function gpusCool({ status }: ProviderFacts): Finding | undefined {
  const id = 'machine.heat'
  if (status === undefined) return undefined
  const known = status.gpus.filter(({ temperatureCelsius }) => temperatureCelsius !== null)
  if (known.length === 0) return undefined
  const hottest = known.toSorted(
    (a, b) => (b.temperatureCelsius ?? 0) - (a.temperatureCelsius ?? 0),
  )[0]
  const celsius = hottest?.temperatureCelsius ?? 0
  const facts = { gpu: hottest?.id ?? '', celsius }
  return celsius >= HOT_CELSIUS
    ? warn(
        id,
        `${facts.gpu} is at ${celsius} °C and slows itself down`,
        'Clean its fans, or lower its power limit (nvidia-smi -pl); answers get slower and the provider may pause.',
        facts,
      )
    : ok(id, `GPUs are at ${celsius} °C or less`, facts)
}

export function gpusOurs({ status }: ProviderFacts): Finding | undefined {
  const id = 'machine.gpu-use'
  if (status === undefined || status.gpus.length === 0) return undefined
  const idle = status.models.every(({ busy }) => busy === 0)
  const taken = status.gpus.filter(({ utilization }) => (utilization ?? 0) > FOREIGN_UTILIZATION)
  const facts = { gpus: status.gpus.length, taken: taken.map((gpu) => gpu.id) }
  return idle && taken.length > 0
    ? warn(
        id,
        `${facts.taken.join(', ')} is busy with something else`,
        'Close it, or let the provider pause meanwhile: nvidia-smi lists who computes.',
        facts,
      )
    : ok(id, 'nothing else takes the GPUs', facts)
}
