import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { createLibp2p } from 'libp2p'
import { isDenied } from './page-addresses.ts'
import { PeerNetwork } from './peer-network.ts'
import {
  ADDRESS_AGE_MAX_MS,
  type DhtOptions,
  DIAL_ADDRESS_MS,
  MONITOR,
  muxer,
  type PeerServices,
  peerServices,
} from './peer-options.ts'
import { endingWebSockets } from './web-sockets.ts'

export interface PageNetworkOptions extends Omit<DhtOptions, 'dhtClient'> {
  readonly privateKey: PrivateKey
}

/**
 * Starts a peer in a web page. It dials WebSockets, and others through relays; nobody dials it. It knows nobody until
 * `keepConnected` or an `openStream`.
 */
export async function openPageNetwork(options: PageNetworkOptions): Promise<PeerNetwork> {
  const { lan } = options
  const { location } = globalThis as { location?: { readonly protocol: string } }
  const secure = location?.protocol === 'https:'
  const libp2p = await createLibp2p<PeerServices>({
    privateKey: options.privateKey,
    addresses: { listen: [] },
    transports: [endingWebSockets(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [muxer()],
    // libp2p's own rule for pages refuses every address without TLS, and this machine's.
    connectionGater: { denyDialMultiaddr: (address) => isDenied(address, { lan, secure }) },
    connectionManager: { addressDialTimeout: DIAL_ADDRESS_MS },
    connectionMonitor: MONITOR,
    peerStore: { maxAddressAge: ADDRESS_AGE_MAX_MS },
    services: peerServices({ ...options, dhtClient: true }),
  })
  return new PeerNetwork(libp2p)
}
