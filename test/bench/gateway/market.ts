import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Child } from '../../../scripts/demo/child.ts'
import type { Rig } from './rig.ts'

const HANSE = fileURLToPath(new URL('../../../node/bin/hanse.mjs', import.meta.url))
const NETWORK = ['--network', 'bench']

/** More than the widest measurement asks at once: a slot is free again only when its last receipt is back. */
const SLOTS = 256
const LISTED_MS = 30_000

export interface Market {
  /** Up to and with `/v1`. */
  readonly url: string
  readonly gateway: Child
  readonly provider: Child
  /** Receipts that the gateway has countersigned so far. */
  receipts(): number
}

/** A provider of the rig's engine, a relay and a gateway, each a process of its own; without settlement. */
export async function startMarket(rig: Rig, cpuProfDir: string | undefined): Promise<Market> {
  const hanse = (command: string, args: readonly string[]): Child => {
    const profile = command === 'relay' ? [] : profileArgs(command, cpuProfDir)
    const dataDir = join(rig.folder, command)
    const all = [HANSE, command, '--json', ...NETWORK, '--data-dir', dataDir, ...args]
    return rig.spawn(command, [...profile, ...all])
  }
  const { addresses } = await hanse('relay', []).event('ready')
  const bootstrap = ['--bootstrap', String((addresses as readonly unknown[])[0])]
  const provider = hanse('provider', [...bootstrap, ...providerArgs(rig.engineUrl)])
  const gateway = hanse('gateway', [...bootstrap, ...GATEWAY_ARGS])
  let receipts = 0
  gateway.on((event) => {
    if (event === 'receipt') receipts++
  })
  const [ready] = await Promise.all([gateway.event('ready'), provider.event('live')])
  await untilListed(`${String(ready.url)}/hanse/v1/offers`)
  return { url: `${String(ready.url)}/v1`, gateway, provider, receipts: () => receipts }
}

const GATEWAY_ARGS =
  '--residency anywhere --min-level 0 --port 0 --lawful-basis legitimate-interests'.split(' ')

function providerArgs(engineUrl: string): string[] {
  const terms = `--slots ${SLOTS} --country DE --unsecured-credit 1000 --input-price 0.05 --output-price 0.2`
  return ['--engine', 'openai', '--engine-url', engineUrl, ...terms.split(' ')]
}

/** Node writes the profile when the process ends. */
export function profileArgs(name: string, folder: string | undefined): string[] {
  if (folder === undefined) return []
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}.cpuprofile`]
}

async function untilListed(offersUrl: string): Promise<void> {
  for (const until = Date.now() + LISTED_MS; Date.now() < until; await sleep(100)) {
    const { candidates } = (await (await fetch(offersUrl)).json()) as { candidates: unknown[] }
    if (candidates.length > 0) return
  }
  throw new Error('the gateway does not see the provider’s offer')
}
