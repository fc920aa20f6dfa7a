import { generateKeyPair } from '@libp2p/crypto/keys'
import { type Network, openNetwork } from './libp2p-node.ts'
import type { NetworkOptions } from './libp2p-options.ts'

export const LOOPBACK_TCP = '/ip4/127.0.0.1/tcp/0'
export const LOOPBACK_WEBSOCKET = '/ip4/127.0.0.1/tcp/0/ws'

/** A peer on loopback whose records are the bytes of a number; those above 200 are refused. */
export async function openTestNetwork(options: Partial<NetworkOptions> = {}): Promise<Network> {
  return await openNetwork({
    privateKey: await generateKeyPair('Ed25519'),
    listen: [LOOPBACK_TCP],
    lan: true,
    dhtClient: false,
    validateRecord: async (_key, value) => {
      if ((value[0] ?? 0) > 200) throw new Error('refused')
    },
    selectRecord: (_key, values) =>
      values.reduce(
        (best, value, at) => ((value[0] ?? 0) > (values[best]?.[0] ?? 0) ? at : best),
        0,
      ),
    ...options,
  })
}
