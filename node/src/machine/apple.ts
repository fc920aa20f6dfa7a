import { z } from 'zod'
import {
  cleanName,
  type Finding,
  GPUS_MAX,
  type Looked,
  type MachineAccess,
  NOTHING,
  numberOf,
  type Sighting,
  silent,
} from './sighting.ts'

const GIB = 2 ** 30
const MIB = 2 ** 20
/** system_profiler asks the whole graphics stack, and takes a second or two. */
const PROFILER_TIMEOUT_MS = 8_000

/** The GPU of a Mac. Apple's chips share the memory of the machine; Macs with Intel's have cards of their own. */
export async function lookApple(access: MachineAccess): Promise<Looked> {
  const { programs, memoryBytes } = access
  const profile = await programs.run(
    'system_profiler',
    ['SPDisplaysDataType', '-json'],
    PROFILER_TIMEOUT_MS,
  )
  if (profile.kind === 'absent') return NOTHING
  if (profile.kind === 'failed') return { sightings: [], findings: [finding(profile.reason)] }
  const limit = await programs.run('sysctl', ['-n', 'iogpu.wired_limit_mb'])
  const metal = metalBytes(memoryBytes, limit.kind === 'done' ? limit.stdout : '')
  const gpus = parseProfile(profile.stdout, metal)
  if (gpus.length === 0) return { sightings: [], findings: [finding('its answer lists no GPU')] }
  const statistics = await programs.run('ioreg', [
    '-r',
    '-d',
    '1',
    '-w',
    '0',
    '-c',
    'IOAccelerator',
  ])
  const use = parseStatistics(statistics.kind === 'done' ? statistics.stdout : '')
  // With several GPUs it is not told which line is whose.
  const single = gpus.length === 1 ? use : undefined
  return {
    sightings: gpus.map(({ gpu, reading }) => ({ gpu, reading: { ...reading, ...single } })),
    findings: [],
  }
}

/**
 * What Metal lets a GPU use of the shared memory: three quarters, on machines below 36 GiB two thirds, unless the owner
 * has set a limit. The system keeps the rest, whatever a program asks for.
 */
export function metalBytes(memoryBytes: number, wiredLimitMb: string): number {
  const limit = numberOf(wiredLimitMb)
  if (limit !== null && limit > 0) return Math.min(limit * MIB, memoryBytes)
  return Math.floor(memoryBytes >= 36 * GIB ? (memoryBytes / 4) * 3 : (memoryBytes / 3) * 2)
}

const profileSchema = z.object({
  SPDisplaysDataType: z.array(
    z.object({
      _name: z.string().optional(),
      sppci_model: z.string().optional(),
      spdisplays_vendor: z.string().optional(),
      spdisplays_vram: z.string().optional(),
      spdisplays_vram_shared: z.string().optional(),
    }),
  ),
})

/** The answer of `system_profiler SPDisplaysDataType -json`. */
export function parseProfile(json: string, metal: number): readonly Sighting[] {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return []
  }
  const profile = profileSchema.safeParse(value)
  if (!profile.success) return []
  const counts = new Map<string, number>()
  return profile.data.SPDisplaysDataType.slice(0, GPUS_MAX).flatMap((card): Sighting[] => {
    const name = cleanName(card.sppci_model ?? card._name ?? '')
    if (name === '') return []
    const vendor = vendorOf(card.spdisplays_vendor ?? name)
    const index = counts.get(vendor) ?? 0
    counts.set(vendor, index + 1)
    const id = `${vendor}:${index}`
    const own = sizeOf(card.spdisplays_vram ?? card.spdisplays_vram_shared)
    const vramBytes = vendor === 'apple' ? metal : own
    return [{ gpu: { id, vendor, name, vramBytes, driver: null }, reading: silent(id) }]
  })
}

/** Use of the GPU in the statistics that its driver publishes to everybody (`ioreg -c IOAccelerator`). */
export function parseStatistics(
  ioreg: string,
): { readonly utilization: number | null; readonly vramUsedBytes: number | null } | undefined {
  const line = /"PerformanceStatistics" = \{[^\n]*\}/u.exec(ioreg)?.[0]
  if (line === undefined) return undefined
  const busy = numberOf(/"Device Utilization %"=(\d+)/u.exec(line)?.[1])
  return {
    utilization: busy === null ? null : Math.min(1, busy / 100),
    vramUsedBytes: numberOf(/"In use system memory"=(\d+)/u.exec(line)?.[1]),
  }
}

function vendorOf(text: string): 'apple' | 'amd' | 'nvidia' | 'intel' | 'other' {
  if (/apple/iu.test(text)) return 'apple'
  if (/amd|radeon|ati\b/iu.test(text)) return 'amd'
  if (/nvidia|geforce/iu.test(text)) return 'nvidia'
  return /intel/iu.test(text) ? 'intel' : 'other'
}

/** Such as `4 GB` or `1536 MB`. */
function sizeOf(text: string | undefined): number {
  const match = /^([\d.,]+) ?([MG])B$/u.exec(text?.trim() ?? '')
  return Math.round((numberOf(match?.[1]) ?? 0) * (match?.[2] === 'G' ? GIB : MIB))
}

function finding(reason: string): Finding {
  return { source: 'system_profiler', reason }
}
