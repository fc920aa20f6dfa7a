import { autoNAT } from '@libp2p/autonat'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type { Address, Connection, PrivateKey } from '@libp2p/interface'
import {
  type KadDHT,
  kadDHT,
  passthroughMapper,
  removePrivateAddressesMapper,
} from '@libp2p/kad-dht'
import { mdns } from '@libp2p/mdns'
import { noise } from '@libp2p/noise'
import { type Ping, ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'

import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2pOptions, ServiceFactoryMap } from 'libp2p'
import { dialOrder } from './address-kinds.ts'
import type { GateRules, PeerGate } from './peer-gate.ts'
import type { RelayHost } from './relay-host.ts'
import type { RelayLimits } from './relay-limits.ts'
import type { StreamLimits } from './stream-admission.ts'
import { endingWebSockets } from './web-sockets.ts'

/** When to ask a relay for a place: when peers cannot dial this node, always, never. */
export type RelayUse = 'auto' | 'on' | 'off'

export interface NetworkOptions {
  readonly privateKey: PrivateKey
  /** Multiaddresses to listen on, such as `/ip4/127.0.0.1/tcp/0` and `/ip4/127.0.0.1/tcp/0/ws`. */
  readonly listen: string[]
  /** Loopback and private addresses count as reachable, and one address may open many connections. */
  readonly lan: boolean
  /** Asks the DHT without being asked by it. */
  readonly dhtClient: boolean
  /** Throws for a DHT value that no node should store. Keys begin with `/hanse/`. */
  validateRecord(key: Uint8Array, value: Uint8Array): Promise<void>
  /** The index of the best of several valid values of one key. */
  selectRecord(key: Uint8Array, values: Uint8Array[]): number
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

export type HanseServices = {
  identify: Identify
  identifyPush: IdentifyPush
  ping: Ping
  dht: KadDHT
  components: Components
  dcutr: unknown
}

// Speaks only with its like: nodes of another string never enter each other's tables.
const DHT_PROTOCOL = '/hanse/kad/1.0.0'

// The default window grows to 16 MiB while the read buffer is cut at 4 MiB, which resets fast streams
// whose reader pauses. 1 MiB still carries 20 MB/s at a round trip of 50 ms.
const STREAM_WINDOW_BYTES = 1 << 20

// libp2p queues without a bound for a peer that does not read. The largest prompt of 16 MiB is written at once.
const STREAM_UNSENT_BYTES = 24 << 20

// 256 sessions, as many relayed connections, and what keeps the connection up.
const STREAMS_PER_CONNECTION = 640

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

// One address after the other is tried; with libp2p's 6 s a dead one would use up the patience of whoever waits.
const DIAL_ADDRESS_MS = 2_500

// A frozen peer is found after about 2.5 s; with libp2p's defaults it took 14.7 s.
const MONITOR = { pingInterval: 2_000, pingTimeout: { minTimeout: 1_000, maxTimeout: 2_000 } }

// A provider record names only the peer; its addresses come from the peer store, which forgets those
// not seen for an hour. They have to outlive the record (validity below) by far.
const ADDRESS_AGE_MAX_MS = 6 * 3_600_000

// A dead provider stays listed for `validity`, at most one `interval` longer. A record is provided
// anew when less than `threshold` of its life is left, so one lost round does not unlist a live one.
const REPROVIDE = { validity: 30 * 60_000, interval: 5 * 60_000, threshold: 20 * 60_000 }

// The first query of a node waits for its first look at itself, by default one second.
const FIRST_SELF_QUERY_MS = 100

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
    addresses: { listen: options.listen, appendAnnounce: [...announce] },
    transports: [
      tcp(),
      endingWebSockets(),
      circuitRelayTransport({ maxInboundStopStreams: STREAMS_PER_CONNECTION }),
    ],
    connectionEncrypters: [noise()],
    ...(networkKey === undefined ? {} : { connectionProtector: preSharedKey({ psk: networkKey }) }),
    ...(mdnsTag === undefined ? {} : { peerDiscovery: [mdns({ serviceTag: mdnsTag })] }),
    streamMuxers: [
      yamux({
        maxInboundStreams: STREAMS_PER_CONNECTION,
        streamOptions: {
          maxStreamWindowSize: STREAM_WINDOW_BYTES,
          maxWriteBufferLength: STREAM_UNSENT_BYTES,
        },
      }),
    ],
    connectionGater: { ...gate.gater, ...relayHost?.gater },
    connectionManager: {
      maxConnections: connectionsMax(options) + CONNECTIONS_SPARE,
      addressDialTimeout: DIAL_ADDRESS_MS,
      addressSorter: (one: Address, other: Address) => compare(one.multiaddr, other.multiaddr),
      ...(lan ? LAN_CONNECTIONS : CONNECTIONS),
    },
    connectionMonitor: { ...MONITOR, protocolPrefix: 'hanse' },
    peerStore: { maxAddressAge: ADDRESS_AGE_MAX_MS },
    services: services(options, relayHost),
  }
}

function services(
  options: NetworkOptions,
  relayHost: RelayHost | undefined,
): ServiceFactoryMap<HanseServices> {
  const all: ServiceFactoryMap<HanseServices> = {
    identify: identify({ protocolPrefix: 'hanse' }),
    // Without it, who is connected already never learns of a place at a relay.
    identifyPush: identifyPush({ protocolPrefix: 'hanse' }),
    ping: ping({ protocolPrefix: 'hanse' }),
    dcutr: dcutr(),
    // Not the object itself, which libp2p would start with the services, and start itself with it.
    components: ({ transportManager }: Components) => ({ transportManager }),
    dht: kadDHT({
      protocol: DHT_PROTOCOL,
      // Always said: left unset, a node without a public address stays a client.
      clientMode: options.dhtClient,
      // The default mapper drops loopback and private addresses, and tables stay empty.
      peerInfoMapper: options.lan ? passthroughMapper : removePrivateAddressesMapper,
      initialQuerySelfInterval: FIRST_SELF_QUERY_MS,
      reprovide: REPROVIDE,
      validators: { hanse: async (key, value) => await options.validateRecord(key, value) },
      selectors: { hanse: (key, values) => options.selectRecord(key, values) },
    }),
  }
  return {
    ...all,
    ...(relayHost === undefined ? {} : { relay: relayHost.service }),
    // Confirms public addresses only, so a LAN has no use for it.
    ...(options.lan || options.dhtClient ? {} : { autonat: autoNAT({ protocolPrefix: 'hanse' }) }),
  }
}
