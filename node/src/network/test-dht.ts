import { createHash } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { libp2pOptions, type NetworkOptions } from './libp2p-options.ts'
import { PeerGate } from './peer-gate.ts'
import { LOOPBACK_TCP } from './test-network.ts'

/** Routing tables of another size than this market's nodes have, so that a small network does not fit into them. */
export interface TableSize {
  readonly kBucketSize: number
  readonly prefixLength: number
  readonly alpha: number
}

export interface TestDht extends AsyncDisposable {
  readonly address: string
  /** The place in the key space, hexadecimal. */
  readonly place: string
  dial(address: string): Promise<void>
  /** Peers in the routing table. */
  contacts(): number
  /** Looks at the own place and refreshes the table, as timers do. */
  refresh(): Promise<void>
  /** Looks for the peers nearest to a key: questions that were asked, and the places of those nearest that answered. */
  lookUp(key: Uint8Array): Promise<{ asked: number; closest: string[] }>
}

const LOOKUP_MS = 30_000
const OPEN_GATE = {
  allowPeers: [],
  denyPeers: [],
  denyAddresses: [],
  relays: 'any',
  connectionsPerPeer: 8,
  connectionsPerAddress: 10_000,
  connectionsMax: 10_000,
  lan: true,
} as const
/** Dozens of nodes share an event loop, on which every dial is an upgrade at both ends. */
const SLOW = {
  dialTimeout: 60_000,
  addressDialTimeout: 60_000,
  inboundUpgradeTimeout: 60_000,
  outboundUpgradeTimeout: 60_000,
}

/** A node of this market's settings on loopback, that shows what its DHT does. */
export async function openTestDht(size?: TableSize): Promise<TestDht> {
  const options: NetworkOptions = {
    privateKey: await generateKeyPair('Ed25519'),
    listen: [LOOPBACK_TCP],
    lan: true,
    dhtClient: false,
    validateRecord: async () => {},
    selectRecord: () => 0,
  }
  const own = libp2pOptions(options, {
    gate: new PeerGate(OPEN_GATE, Date.now),
    relayHost: undefined,
  })
  const libp2p = await createLibp2p({
    ...own,
    connectionManager: { ...own.connectionManager, ...SLOW },
    services: {
      ...own.services,
      ...(size === undefined ? {} : { dht: smallDht(size) }),
    } as NonNullable<typeof own.services>,
  })
  const dht = libp2p.services.dht as KadDHT & { readonly routingTable: { readonly size: number } }
  const lookUp = async (key: Uint8Array): Promise<{ asked: number; closest: string[] }> => {
    let asked = 0
    const closest: string[] = []
    const signal = AbortSignal.timeout(LOOKUP_MS)
    for await (const event of dht.getClosestPeers(key, { signal })) {
      if (event.name === 'SEND_QUERY') asked++
      else if (event.name === 'FINAL_PEER') closest.push(placeOf(event.peer.id.toMultihash().bytes))
    }
    return { asked, closest }
  }
  return {
    address: libp2p.getMultiaddrs()[0]?.toString() ?? '',
    place: placeOf(libp2p.peerId.toMultihash().bytes),
    dial: async (address) => {
      await libp2p.dial(multiaddr(address), { signal: AbortSignal.timeout(60_000) })
    },
    contacts: () => dht.routingTable.size,
    refresh: async () => {
      await lookUp(libp2p.peerId.toMultihash().bytes)
    },
    lookUp,
    [Symbol.asyncDispose]: async () => await libp2p.stop(),
  }
}

const smallDht = (size: TableSize) =>
  kadDHT({
    protocol: '/hanse/kad/1.0.0',
    clientMode: false,
    peerInfoMapper: passthroughMapper,
    initialQuerySelfInterval: 100,
    ...size,
  })

const placeOf = (multihash: Uint8Array): string =>
  createHash('sha256').update(multihash).digest('hex')
