import { autoNAT } from '@libp2p/autonat'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import type { Address, Connection, PrivateKey } from '@libp2p/interface'
import { mdns } from '@libp2p/mdns'
import { noise } from '@libp2p/noise'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2pOptions, ServiceFactoryMap } from 'libp2p'
import { dialOrder } from './address-kinds.ts'
import { eachConnection } from './each-connection.ts'
import { joinWrites } from './gathered-writes.ts'
import type { GateRules, PeerGate } from './peer-gate.ts'
import {
  ADDRESS_AGE_MAX_MS,
  type DhtOptions,
  DIAL_ADDRESS_MS,
  MONITOR,
  muxer,
  type PeerServices,
  peerServices,
  STREAMS_PER_CONNECTION,
} from './peer-options.ts'
import { quietLogger } from './quiet-logger.ts'
import type { RelayHost } from './relay-host.ts'
import type { RelayLimits } from './relay-limits.ts'
import type { StreamLimits } from './stream-admission.ts'
import { endingWebSockets } from './web-sockets.ts'

/** When to ask a relay for a place: when peers cannot dial this node, always, never. */
export type RelayUse = 'auto' | 'on' | 'off'

export interface NetworkOptions extends DhtOptions {
  readonly privateKey: PrivateKey
  /** Multiaddresses to listen on, such as `/ip4/127.0.0.1/tcp/0` and `/ip4/127.0.0.1/tcp/0/ws`. */
  readonly listen: string[]
  /** A public meeting point: takes ten times as many connections, and carries connections of others. */
  readonly relay?: boolean
  readonly relayLimits?: Partial<RelayLimits>
  /** Whether to be reached through relays; off when left out. */
  readonly relayUse?: RelayUse
  /** Addresses to tell others besides those listened on, such as a router's. */
  readonly announce?: readonly string[]
  /** Finds nodes of the same name in the local network by multicast. */
  readonly mdnsTag?: string
  /** Only nodes with the same key can connect: a swarm key file's content. */
  readonly networkKey?: Uint8Array
  readonly gate?: Partial<Omit<GateRules, 'lan'>>
  readonly streams?: Partial<StreamLimits>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** What libp2p gives its services and keeps from everybody else. */
export interface Components {
  readonly transportManager: {
    listen(addresses: Multiaddr[]): Promise<void>
    dial(address: Multiaddr, options: { signal: AbortSignal }): Promise<Connection>
  }
}

export type HanseServices = PeerServices & {
  components: Components
  dcutr: unknown
}

// libp2p's default is 300; a meeting point is the one place that strangers all connect to.
const CONNECTIONS_MAX = 300
const RELAY_CONNECTIONS_MAX = 3000

// The gate makes room at its own limit by closing idle connections; libp2p's must not refuse before that.
const CONNECTIONS_SPARE = 64

// libp2p admits 5 new connections a second from one address, where everybody behind one relay or router
// counts as one, and 10 half-open ones in all, which a single address could hold. The gate counts both by address.
const CONNECTIONS = { inboundConnectionThreshold: 64, maxIncomingPendingConnections: 256 }
// In tests all nodes share an address and start at once.
const LAN_CONNECTIONS = { inboundConnectionThreshold: 10_000, maxIncomingPendingConnections: 1_000 }

/** Connections that the gate allows before it makes room. */
export function connectionsMax({ gate, relay }: NetworkOptions): number {
  return gate?.connectionsMax ?? (relay === true ? RELAY_CONNECTIONS_MAX : CONNECTIONS_MAX)
}

/** The settings of a Hanse peer. */
export function libp2pOptions(
  options: NetworkOptions,
  { gate, relayHost }: { gate: PeerGate; relayHost: RelayHost | undefined },
): Libp2pOptions<HanseServices> {
  const { lan, networkKey, mdnsTag, announce = [] } = options
  const compare = dialOrder(lan)
  return {
    privateKey: options.privateKey,
    ...quietLogger(process.env.DEBUG),
    addresses: { listen: options.listen, appendAnnounce: [...announce] },
    transports: [
      eachConnection(tcp(), joinWrites),
      endingWebSockets(),
      circuitRelayTransport({ maxInboundStopStreams: STREAMS_PER_CONNECTION }),
    ],
    connectionEncrypters: [noise()],
    ...(networkKey === undefined ? {} : { connectionProtector: preSharedKey({ psk: networkKey }) }),
    ...(mdnsTag === undefined ? {} : { peerDiscovery: [mdns({ serviceTag: mdnsTag })] }),
    streamMuxers: [muxer()],
    connectionGater: { ...gate.gater, ...relayHost?.gater },
    connectionManager: {
      maxConnections: connectionsMax(options) + CONNECTIONS_SPARE,
      addressDialTimeout: DIAL_ADDRESS_MS,
      addressSorter: (one: Address, other: Address) => compare(one.multiaddr, other.multiaddr),
      ...(lan ? LAN_CONNECTIONS : CONNECTIONS),
    },
    connectionMonitor: MONITOR,
    peerStore: { maxAddressAge: ADDRESS_AGE_MAX_MS },
    services: services(options, relayHost),
  }
}

function services(
  options: NetworkOptions,
  relayHost: RelayHost | undefined,
): ServiceFactoryMap<HanseServices> {
  const all: ServiceFactoryMap<HanseServices> = {
    ...peerServices(options),
    dcutr: dcutr(),
    // Not the object itself, which libp2p would start with the services, and start itself with it.
    components: ({ transportManager }: Components) => ({ transportManager }),
  }
  return {
    ...all,
    ...(relayHost === undefined ? {} : { relay: relayHost.service }),
    // Confirms public addresses only, so a LAN has no use for it.
    ...(options.lan || options.dhtClient ? {} : { autonat: autoNAT({ protocolPrefix: 'hanse' }) }),
  }
}
