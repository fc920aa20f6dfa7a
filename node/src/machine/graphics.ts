import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { runNode } from './programs.ts'
import {
  cleanName,
  type Finding,
  GPUS_MAX,
  type Looked,
  type MachineAccess,
  type Sighting,
  silent,
} from './sighting.ts'

const SCRIPT = fileURLToPath(new URL('./graphics-process.ts', import.meta.url))
/** On Windows it starts a PowerShell, which takes seconds when it is cold. */
const TIMEOUT_MS = 15_000
const MIB = 2 ** 20

const controllers = z.array(
  z.object({
    vendor: z.string().nullish(),
    model: z.string().nullish(),
    /** MiB. */
    vram: z.number().nullish(),
    vramDynamic: z.boolean().nullish(),
    busAddress: z.string().nullish(),
    driverVersion: z.string().nullish(),
  }),
)
type Controller = z.output<typeof controllers>[number]

/** Every controller that the operating system lists, for cards that no vendor's tool tells about. */
export async function listControllers(
  access: MachineAccess,
): Promise<{ readonly controllers: readonly Controller[]; readonly findings: readonly Finding[] }> {
  const result = await runNode(access.programs, SCRIPT, TIMEOUT_MS)
  if (result.kind === 'absent') return { controllers: [], findings: [] }
  if (result.kind === 'failed') {
    return { controllers: [], findings: [{ source: 'systeminformation', reason: result.reason }] }
  }
  return { controllers: parseControllers(result.stdout), findings: [] }
}

export function parseControllers(json: string): readonly Controller[] {
  try {
    return controllers.parse(JSON.parse(json)).slice(0, GPUS_MAX)
  } catch {
    return []
  }
}

/** The machine's GPUs by the operating system alone. */
export async function lookGraphics(access: MachineAccess): Promise<Looked> {
  const { controllers: list, findings } = await listControllers(access)
  return { sightings: asSightings(list), findings }
}

export function asSightings(list: readonly Controller[]): readonly Sighting[] {
  const counts = new Map<string, number>()
  return list.flatMap((controller): Sighting[] => {
    const vendor = vendorOf(`${controller.vendor ?? ''} ${controller.model ?? ''}`)
    const name = cleanName(controller.model ?? '')
    // Adapters of remote desktops and consoles of servers draw pictures and run no model.
    if (vendor === 'other' || name === '') return []
    const index = counts.get(vendor) ?? 0
    counts.set(vendor, index + 1)
    const id = `${vendor}:${index}`
    const { vram, vramDynamic, driverVersion } = controller
    return [
      {
        gpu: {
          id,
          vendor,
          name,
          // Dynamic memory is that of the machine, and says nothing of the card.
          vramBytes: vramDynamic === true || vram == null || vram < 0 ? 0 : Math.round(vram * MIB),
          driver: driverVersion == null || driverVersion === '' ? null : cleanName(driverVersion),
        },
        reading: silent(id),
      },
    ]
  })
}

function vendorOf(text: string): 'nvidia' | 'amd' | 'intel' | 'apple' | 'other' {
  if (/nvidia/iu.test(text)) return 'nvidia'
  if (/\bAMD\b|advanced micro devices|radeon/iu.test(text)) return 'amd'
  if (/apple/iu.test(text)) return 'apple'
  return /intel/iu.test(text) ? 'intel' : 'other'
}
