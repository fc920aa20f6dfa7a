import type { Offer } from '@hanse/protocol'
import type { Gpu, Machine } from './machine.ts'

/** What an Offer holds: see `hanse.offer.v1`. */
const NAME_LENGTH_MAX = 64
const KINDS_MAX = 16
const COUNT_MAX = 1024
/** Below this no model runs on a card: it is the picture of a server's console, or of a processor. */
const VRAM_USEFUL_BYTES = 2 ** 30

/** The GPUs of a machine as an Offer names them: equal ones together, the largest first. */
export function gpusOnOffer({ gpus }: Pick<Machine, 'gpus'>): Offer['gpus'] {
  const kinds = new Map<string, { name: string; vramBytes: bigint; count: number }>()
  for (const gpu of gpus.filter(runsModels)) {
    const name = gpu.name.slice(0, NAME_LENGTH_MAX).trim()
    if (name === '') continue
    const key = `${gpu.vramBytes} ${name}`
    const count = Math.min(COUNT_MAX, (kinds.get(key)?.count ?? 0) + 1)
    kinds.set(key, { name, vramBytes: BigInt(gpu.vramBytes), count })
  }
  return [...kinds.values()]
    .sort((a, b) => (a.vramBytes > b.vramBytes ? -1 : a.vramBytes < b.vramBytes ? 1 : 0))
    .slice(0, KINDS_MAX)
}

function runsModels({ vendor, vramBytes }: Gpu): boolean {
  if (vramBytes >= VRAM_USEFUL_BYTES) return true
  // A data centre's card in a sandbox may hide its size.
  return vramBytes === 0 && (vendor === 'nvidia' || vendor === 'amd')
}
