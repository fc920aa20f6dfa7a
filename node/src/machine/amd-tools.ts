import { z } from 'zod'
import { cleanName, GPUS_MAX, numberOf, type Sighting, shareOf } from './sighting.ts'

/** What AMD's tools tell of a card, with the address that other sources know it by. */
export interface AmdCard {
  /** PCI address in lower case, such as `0000:03:00.0`; empty where it is not told. */
  readonly pci: string
  readonly sighting: Sighting
}

export const ROCM_SMI_ARGS = [
  '--showproductname',
  '--showbus',
  '--showdriverversion',
  '--showmeminfo',
  'vram',
  '--showuse',
  '--showtemp',
  '--showpower',
  '--json',
] as const
export const AMD_SMI_STATIC_ARGS = [
  'static',
  '--asic',
  '--bus',
  '--vram',
  '--driver',
  '--json',
] as const

const MB = 2 ** 20
const record = z.record(z.string(), z.unknown())

/** `rocm-smi … --json`: an object of `card0`, `card1` … and `system`. Keys changed their words between releases. */
export function parseRocmSmi(json: string): readonly AmdCard[] {
  const whole = record.safeParse(jsonOf(json))
  if (!whole.success) return []
  const driver = text(record.safeParse(whole.data.system).data, /^Driver version$/u)
  return Object.entries(whole.data)
    .filter(([key]) => /^card\d+$/u.test(key))
    .sort(([a], [b]) => Number(a.slice(4)) - Number(b.slice(4)))
    .slice(0, GPUS_MAX)
    .flatMap(([key, value]): AmdCard[] => {
      const card = record.safeParse(value)
      if (!card.success) return []
      const id = `amd:${Number(key.slice(4))}`
      const pick = (name: RegExp): string | undefined => text(card.data, name)
      return [
        {
          pci: (pick(/^PCI Bus$/u) ?? '').toLowerCase(),
          sighting: {
            gpu: {
              id,
              vendor: 'amd',
              name: nameOf([
                pick(/^Card series$/iu),
                pick(/^Device Name$/u),
                pick(/^Card model$/iu),
              ]),
              vramBytes: numberOf(pick(/^VRAM Total Memory \(B\)$/u)) ?? 0,
              driver: driver ?? null,
            },
            reading: {
              id,
              utilization: shareOf(pick(/^GPU use \(%\)$/u)),
              temperatureCelsius: numberOf(
                pick(/^Temperature \(Sensor edge\) \(C\)$/u) ??
                  pick(/^Temperature \(Sensor junction\) \(C\)$/u),
              ),
              vramUsedBytes: numberOf(pick(/^VRAM Total Used Memory \(B\)$/u)),
              powerWatts: numberOf(pick(/Graphics Package Power \(W\)$/u)),
              processes: [],
            },
          },
        },
      ]
    })
}

const size = z.object({ value: z.union([z.number(), z.string()]), unit: z.string() })
const amdSmiCard = z.object({
  gpu: z.int().min(0).max(1024),
  asic: z.object({ market_name: z.string() }).optional().catch(undefined),
  bus: z.object({ bdf: z.string() }).optional().catch(undefined),
  vram: z.object({ size }).optional().catch(undefined),
  driver: z.object({ version: z.string() }).optional().catch(undefined),
})

/** `amd-smi static … --json`: a list of cards, since ROCm 7 inside of `gpu_data`. */
export function parseAmdSmi(json: string): readonly AmdCard[] {
  const whole = jsonOf(json)
  const list = Array.isArray(whole) ? whole : record.safeParse(whole).data?.gpu_data
  if (!Array.isArray(list)) return []
  return list.slice(0, GPUS_MAX).flatMap((item): AmdCard[] => {
    const card = amdSmiCard.safeParse(item)
    if (!card.success) return []
    const { gpu, asic, bus, vram, driver } = card.data
    const id = `amd:${gpu}`
    return [
      {
        pci: bus?.bdf.toLowerCase() ?? '',
        sighting: {
          gpu: {
            id,
            vendor: 'amd',
            name: nameOf([asic?.market_name]),
            vramBytes: vram === undefined ? 0 : bytesOf(vram.size),
            driver:
              driver === undefined || driver.version === 'N/A' ? null : cleanName(driver.version),
          },
          reading: {
            id,
            utilization: null,
            temperatureCelsius: null,
            vramUsedBytes: null,
            powerWatts: null,
            processes: [],
          },
        },
      },
    ]
  })
}

export const AMD_UNNAMED = 'AMD GPU'

/** The first that says something: older tools print numbers of the device where a name belongs. */
function nameOf(candidates: readonly (string | undefined)[]): string {
  const found = candidates.find(
    (name) => name !== undefined && !/^(?:n\/?a|0x[0-9a-f]+|unknown|)$/iu.test(name.trim()),
  )
  return found === undefined ? AMD_UNNAMED : cleanName(found)
}

function bytesOf({ value, unit }: z.output<typeof size>): number {
  const number = numberOf(value) ?? 0
  return Math.round(number * (unit === 'GB' ? 1024 * MB : unit === 'B' ? 1 : MB))
}

function text(of: Record<string, unknown> | undefined, name: RegExp): string | undefined {
  const value = Object.entries(of ?? {}).find(([key]) => name.test(key))?.[1]
  return typeof value === 'string' ? value : undefined
}

/** The JSON in an output: the tools print warnings before it. */
function jsonOf(output: string): unknown {
  const from = output.search(/^\s*[[{]/mu)
  try {
    return from < 0 ? undefined : (JSON.parse(output.slice(from)) as unknown)
  } catch {
    return undefined
  }
}
