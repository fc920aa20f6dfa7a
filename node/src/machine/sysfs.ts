import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { GpuReading } from './machine.ts'
import { GPUS_MAX, numberOf } from './sighting.ts'

/** A display or compute card, as the Linux kernel shows it in `/sys/class/drm`. */
export interface SysfsCard {
  /** Such as `0000:03:00.0`. */
  readonly pci: string
  readonly vendor: 'nvidia' | 'amd' | 'intel' | 'other'
  /** The kernel's driver, such as `amdgpu`; `null` when none has taken the card. */
  readonly driver: string | null
  /** Few cards carry their own name. */
  readonly name: string | undefined
  readonly vramBytes: number
  readonly vramUsedBytes: number | null
  readonly utilization: number | null
  readonly temperatureCelsius: number | null
  readonly powerWatts: number | null
  readonly processes: GpuReading['processes']
}

const VENDORS: Readonly<Record<string, SysfsCard['vendor']>> = {
  '0x10de': 'nvidia',
  '0x1002': 'amd',
  '0x8086': 'intel',
}
const PROCESSES_MAX = 4096

/** Cards in the order of their PCI addresses, which stays the same while the machine runs. Empty where there is no sysfs. */
export async function readSysfs(sysRoot: string): Promise<readonly SysfsCard[]> {
  const drm = join(sysRoot, 'class', 'drm')
  const entries = (await list(drm)).filter((name) => /^card\d{1,3}$/u.test(name))
  const held = await readComputeProcesses(sysRoot)
  const cards = await Promise.all(
    entries
      .slice(0, GPUS_MAX)
      .map(async (entry) => await readCard(join(drm, entry, 'device'), held)),
  )
  return cards
    .filter((card) => card !== undefined)
    .sort((a, b) => (a.pci < b.pci ? -1 : a.pci > b.pci ? 1 : 0))
}

async function readCard(
  device: string,
  held: ReadonlyMap<string, GpuReading['processes']>,
): Promise<SysfsCard | undefined> {
  const vendor = await read(join(device, 'vendor'))
  // Virtual cards have no vendor.
  if (vendor === undefined) return undefined
  const folder = await realpath(device).catch(() => device)
  const [name, total, used, busy, driver, sensors, renders] = await Promise.all([
    read(join(device, 'product_name')),
    readNumber(join(device, 'mem_info_vram_total')),
    readNumber(join(device, 'mem_info_vram_used')),
    readNumber(join(device, 'gpu_busy_percent')),
    realpath(join(device, 'driver')).catch(() => undefined),
    readSensors(join(device, 'hwmon')),
    list(join(device, 'drm')),
  ])
  const render = renders.find((entry) => /^renderD\d+$/u.test(entry))
  return {
    pci: basename(folder),
    vendor: VENDORS[vendor] ?? 'other',
    driver: driver === undefined ? null : basename(driver),
    name: name === undefined || name === '' ? undefined : name,
    vramBytes: total ?? 0,
    vramUsedBytes: used,
    utilization: busy === null ? null : Math.min(1, busy / 100),
    ...sensors,
    processes: render === undefined ? [] : (held.get(render.slice('renderD'.length)) ?? []),
  }
}

/** The hottest place a driver calls `temp1` (the edge), and the power of the whole package. */
async function readSensors(
  hwmon: string,
): Promise<{ temperatureCelsius: number | null; powerWatts: number | null }> {
  const first = (await list(hwmon)).find((name) => name.startsWith('hwmon'))
  if (first === undefined) return { temperatureCelsius: null, powerWatts: null }
  const folder = join(hwmon, first)
  const heat = await readNumber(join(folder, 'temp1_input'))
  // Which of the two there is depends on the generation of the card.
  const power =
    (await readNumber(join(folder, 'power1_average'))) ??
    (await readNumber(join(folder, 'power1_input')))
  return {
    temperatureCelsius: heat === null ? null : heat / 1000,
    powerWatts: power === null ? null : power / 1_000_000,
  }
}

/** What each process holds of AMD's cards, by the number of the card's render node. */
async function readComputeProcesses(
  sysRoot: string,
): Promise<ReadonlyMap<string, GpuReading['processes']>> {
  const kfd = join(sysRoot, 'class', 'kfd', 'kfd')
  const nodes = join(kfd, 'topology', 'nodes')
  const renders = new Map<string, string>()
  for (const node of (await list(nodes)).slice(0, GPUS_MAX * 4)) {
    const gpu = await read(join(nodes, node, 'gpu_id'))
    const properties = await read(join(nodes, node, 'properties'))
    const render = /^drm_render_minor (\d+)$/mu.exec(properties ?? '')?.[1]
    if (gpu !== undefined && gpu !== '0' && render !== undefined) renders.set(gpu, render)
  }
  const held = new Map<string, { pid: number; vramBytes: number | null }[]>()
  if (renders.size === 0) return held
  const pids = (await list(join(kfd, 'proc'))).filter((name) => /^\d{1,10}$/u.test(name))
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    for (const [gpu, render] of renders) {
      const bytes = await readNumber(join(kfd, 'proc', pid, `vram_${gpu}`))
      if (bytes === null || bytes === 0) continue
      held.set(render, [...(held.get(render) ?? []), { pid: Number(pid), vramBytes: bytes }])
    }
  }
  return held
}

async function list(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => [])
}

async function read(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').then(
    (text) => text.slice(0, 65_536).trim(),
    // Not there, not ours to read, or the card sleeps: all the same.
    () => undefined,
  )
}

async function readNumber(file: string): Promise<number | null> {
  return numberOf(await read(file))
}
