import type { GpuReading } from './machine.ts'
import {
  cleanName,
  type Finding,
  GPUS_MAX,
  type Looked,
  type MachineAccess,
  NOTHING,
  numberOf,
  type Sighting,
  shareOf,
} from './sighting.ts'

const MIB = 2 ** 20
/** The name comes last: it is the one field that may hold a comma. */
export const GPU_QUERY =
  '--query-gpu=index,uuid,driver_version,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw,name'
export const PROCESS_QUERY = '--query-compute-apps=gpu_uuid,pid,used_memory'
const FORMAT = '--format=csv,noheader,nounits'
/** Chips that share the memory of the machine, for which nvidia-smi tells no size. */
const UNIFIED = /\b(?:GB10|N1X|Orin|Thor|Xavier|Tegra)\b/u
/** A card runs few processes that compute; a list without end is none. */
const PROCESSES_MAX = 256

interface Row {
  readonly uuid: string
  readonly sighting: Sighting
}

/** NVIDIA's cards, by the tool that comes with every driver of theirs. */
export async function lookNvidia(access: MachineAccess): Promise<Looked> {
  const cards = await access.programs.run('nvidia-smi', [GPU_QUERY, FORMAT])
  if (cards.kind === 'absent') return NOTHING
  // Where one card of several has fallen off the bus, the tool fails and still tells of the others.
  const rows = parseGpus(cards.stdout, access.memoryBytes)
  const findings: Finding[] =
    cards.kind === 'failed' ? [{ source: 'nvidia-smi', reason: cards.reason }] : []
  if (rows.length === 0) {
    if (findings.length === 0)
      findings.push({ source: 'nvidia-smi', reason: 'its answer lists no GPU' })
    return { sightings: [], findings }
  }
  const running = await access.programs.run('nvidia-smi', [PROCESS_QUERY, FORMAT])
  const processes = parseProcesses(running.kind === 'absent' ? '' : running.stdout)
  return { sightings: rows.map((row) => withProcesses(row, processes)), findings }
}

/** Lines of `GPU_QUERY`. What the driver cannot tell is `[N/A]`, `[Not Supported]` or `[Unknown Error]`. */
export function parseGpus(csv: string, memoryBytes: number): readonly Row[] {
  return csv
    .split(/\r?\n/u)
    .slice(0, GPUS_MAX)
    .flatMap((line): Row[] => {
      // A comma without a space is one of decimals.
      const [index = '', uuid = '', driver = '', total, used, busy, heat, power, ...name] =
        line.split(', ')
      if (!/^\d{1,3}$/u.test(index.trim()) || name.length === 0) return []
      const id = `nvidia:${Number(index)}`
      const title = cleanName(name.join(', '))
      const size = numberOf(total)
      const vramBytes =
        size === null ? (UNIFIED.test(title) ? memoryBytes : 0) : Math.round(size * MIB)
      return [
        {
          uuid: uuid.trim(),
          sighting: {
            gpu: {
              id,
              vendor: 'nvidia',
              name: title || 'NVIDIA GPU',
              vramBytes,
              driver: /^\d/u.test(driver.trim()) ? cleanName(driver) : null,
            },
            reading: {
              id,
              utilization: shareOf(busy),
              temperatureCelsius: numberOf(heat),
              vramUsedBytes: bytesOf(used),
              powerWatts: numberOf(power),
              processes: [],
            },
          },
        },
      ]
    })
}

/** Lines of `PROCESS_QUERY`, by the card's UUID. Windows keeps the memory of a process to itself. */
export function parseProcesses(csv: string): ReadonlyMap<string, GpuReading['processes']> {
  const byCard = new Map<string, { pid: number; vramBytes: number | null }[]>()
  for (const line of csv.split(/\r?\n/u).slice(0, GPUS_MAX * PROCESSES_MAX)) {
    const [uuid = '', pid = '', used] = line.split(', ')
    if (!/^\d{1,10}$/u.test(pid.trim())) continue
    const list = byCard.get(uuid.trim()) ?? []
    if (list.length < PROCESSES_MAX) list.push({ pid: Number(pid), vramBytes: bytesOf(used) })
    byCard.set(uuid.trim(), list)
  }
  return byCard
}

function withProcesses(
  { uuid, sighting: { gpu, reading } }: Row,
  byCard: ReadonlyMap<string, GpuReading['processes']>,
): Sighting {
  const processes = byCard.get(uuid) ?? []
  const known = processes.flatMap(({ vramBytes }) => (vramBytes === null ? [] : [vramBytes]))
  // A chip that shares memory tells nothing in total, but what each process holds.
  const held = known.length === 0 ? null : known.reduce((sum, bytes) => sum + bytes, 0)
  return {
    gpu,
    reading: { ...reading, processes, vramUsedBytes: reading.vramUsedBytes ?? held },
  }
}

function bytesOf(mebibytes: string | undefined): number | null {
  const number = numberOf(mebibytes)
  return number === null ? null : Math.round(number * MIB)
}
