import type { Command } from 'commander'
import { networkGroup } from '../../config/groups/network.ts'
import { askLandmark } from '../../landmark/ask-landmark.ts'
import { showLocation } from '../../landmark/show-location.ts'
import { loadNetworkKey, type Network, openNetwork } from '../../network/index.ts'
import { locationLines, roundTripText } from '../location-text.ts'
import { type MoneyKey, moneyCommand } from '../money/money-command.ts'
import { paint } from '../output.ts'

/** A landmark that does not answer holds up the others for no longer. */
const LANDMARK_MS = 15_000

export function providerAttestCommand(): Command {
  return moneyCommand(
    'attest',
    'Show settlement where this provider is: by its address, and measured by landmarks.',
    async (api, flags, _args, key) => {
      const isJson = flags.json === true
      await using network = await openMeasured(key, flags.networkKey)
      const context = { network: key.network, signer: key.signer }
      const location = await showLocation({
        api,
        ask: async ({ address }, nonce) => {
          const signal = AbortSignal.timeout(LANDMARK_MS)
          return await askLandmark([address], { network, context, nonce, signal })
        },
        onMeasured: (landmark, roundTripUs, why) => {
          if (isJson) console.log(JSON.stringify({ event: 'measured', landmark, roundTripUs, why }))
          else console.log(roundTripText(landmark, roundTripUs, why))
        },
      })
      if (isJson) console.log(JSON.stringify({ event: 'location', ...shown(location) }))
      else console.log(locationLines(location, paint).join('\n'))
      if (location.attestation === null) process.exitCode = 1
    },
  )
    .option('--network-key <file>', networkGroup.networkKey.description)
    .option('--json', 'print events as JSON lines')
}

/** Dials with the provider's own key, beside its daemon, and is in nobody's way: it listens nowhere. */
async function openMeasured({ privateKey }: MoneyKey, networkKey: unknown): Promise<Network> {
  const path = typeof networkKey === 'string' ? networkKey : process.env.HANSE_NETWORK_KEY
  return await openNetwork({
    privateKey,
    listen: [],
    lan: true,
    dhtClient: true,
    ...(path === undefined ? {} : { networkKey: await loadNetworkKey(path) }),
    validateRecord: () => Promise.reject(new Error('no records here')),
    selectRecord: () => 0,
  })
}

/** Without the bytes, which nobody reads. */
const shown = <Location extends { readonly attestation: unknown }>(location: Location) => ({
  ...location,
  attestation: location.attestation !== null,
})
