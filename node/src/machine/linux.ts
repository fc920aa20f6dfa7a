import {
  AMD_SMI_STATIC_ARGS,
  AMD_UNNAMED,
  type AmdCard,
  parseAmdSmi,
  parseRocmSmi,
  ROCM_SMI_ARGS,
} from './amd-tools.ts'
import { listControllers } from './graphics.ts'
import {
  cleanName,
  type Finding,
  type Looked,
  type MachineAccess,
  type Sighting,
} from './sighting.ts'
import { readSysfs, type SysfsCard } from './sysfs.ts'

/**
 * AMD's, Intel's and other cards of a Linux machine. The kernel's own files tell what a card does at no cost, so they
 * come first; AMD's tools, which are slow to start, are asked for names, and for all where there is no sysfs.
 */
export async function lookLinux(
  access: MachineAccess,
  options: { readonly names: boolean; readonly nvidiaSeen: boolean },
): Promise<Looked> {
  const cards = await readSysfs(access.sysRoot)
  const others = cards.filter(({ vendor }) => vendor === 'amd' || vendor === 'intel')
  const amdCards = others.filter(({ vendor }) => vendor === 'amd')
  const findings = options.nvidiaSeen ? [] : withoutDriver(cards)
  const told =
    amdCards.length === 0 ? await askAmdTools(access) : { cards: [], findings: [] as Finding[] }
  findings.push(...told.findings)
  const names = options.names ? await namesOf(access, others) : new Map<string, string>()
  return {
    sightings: [...told.cards.map(({ sighting }) => sighting), ...asSightings(others, names)],
    findings,
  }
}

function asSightings(
  cards: readonly SysfsCard[],
  names: ReadonlyMap<string, string>,
): readonly Sighting[] {
  const counts = new Map<string, number>()
  return cards.map((card): Sighting => {
    const index = counts.get(card.vendor) ?? 0
    counts.set(card.vendor, index + 1)
    const id = `${card.vendor}:${index}`
    const { vendor, vramBytes, driver } = card
    const unnamed = vendor === 'amd' ? AMD_UNNAMED : 'Intel GPU'
    return {
      gpu: {
        id,
        vendor,
        name: cleanName(card.name ?? names.get(card.pci) ?? unnamed),
        vramBytes,
        driver,
      },
      reading: {
        id,
        utilization: card.utilization,
        temperatureCelsius: card.temperatureCelsius,
        vramUsedBytes: card.vramUsedBytes,
        powerWatts: card.powerWatts,
        processes: card.processes,
      },
    }
  })
}

/** Names by PCI address: of AMD's tools, then of the operating system's list of devices. */
async function namesOf(
  access: MachineAccess,
  cards: readonly SysfsCard[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  const unnamed = (): boolean =>
    cards.some(({ name, pci }) => name === undefined && !names.has(pci))
  if (unnamed()) {
    for (const { pci, sighting } of (await askAmdTools(access)).cards) {
      if (sighting.gpu.name !== AMD_UNNAMED) names.set(pci, sighting.gpu.name)
    }
  }
  if (unnamed()) {
    for (const { busAddress, model } of (await listControllers(access)).controllers) {
      if (busAddress == null || model == null || model === '') continue
      const pci = /^[0-9a-f]{4}:/iu.test(busAddress) ? busAddress : `0000:${busAddress}`
      if (!names.has(pci.toLowerCase())) names.set(pci.toLowerCase(), model)
    }
  }
  return names
}

async function askAmdTools(
  access: MachineAccess,
): Promise<{ readonly cards: readonly AmdCard[]; readonly findings: readonly Finding[] }> {
  const findings: Finding[] = []
  const tools = [
    { name: 'rocm-smi', args: ROCM_SMI_ARGS, parse: parseRocmSmi },
    { name: 'amd-smi', args: AMD_SMI_STATIC_ARGS, parse: parseAmdSmi },
  ]
  for (const { name, args, parse } of tools) {
    const result = await access.programs.run(name, args)
    if (result.kind === 'absent') continue
    const cards = parse(result.stdout)
    if (cards.length > 0) return { cards, findings }
    const reason = result.kind === 'failed' ? result.reason : 'its answer lists no GPU'
    findings.push({ source: name, reason })
  }
  return { cards: [], findings }
}

function withoutDriver(cards: readonly SysfsCard[]): Finding[] {
  return cards
    .filter(({ vendor }) => vendor === 'nvidia')
    .map(({ pci, driver }) => ({
      source: 'nvidia-smi',
      reason: `an NVIDIA card is at ${pci} (kernel driver: ${driver ?? 'none'}), but nvidia-smi does not tell of it: install NVIDIA’s driver`,
    }))
}
