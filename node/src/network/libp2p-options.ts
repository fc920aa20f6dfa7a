import type { Identify } from '@libp2p/identify'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import {
  type KadDHT,
  kadDHT,
  passthroughMapper,
  removePrivateAddressesMapper,
} from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import type { Libp2pOptions } from 'libp2p'

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
  /** A public meeting point: takes ten times as many connections. It carries no traffic of others. */
  readonly relay?: boolean
}

export type HanseServices = { identify: Identify; ping: Ping; dht: KadDHT }

// Speaks only with its like: nodes of another string never enter each other's tables.
const DHT_PROTOCOL = '/hanse/kad/1.0.0'

// The default window grows to 16 MiB while the read buffer is cut at 4 MiB, which resets fast streams
// whose reader pauses. 1 MiB still carries 20 MB/s at a round trip of 50 ms.
const STREAM_WINDOW_BYTES = 1 << 20

// libp2p's default is 300; a meeting point is the one place that strangers all connect to.
const CONNECTIONS_MAX = 300
const RELAY_CONNECTIONS_MAX = 3000

// libp2p admits 5 new connections a second from one address and 10 half-open ones. Behind one home
// router, and in tests, all nodes share an address.
const LAN_CONNECTIONS = { inboundConnectionThreshold: 10_000, maxIncomingPendingConnections: 1_000 }

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

/** The settings of a Hanse peer. */
export function libp2pOptions(options: NetworkOptions): Libp2pOptions<HanseServices> {
  return {
    privateKey: options.privateKey,
    addresses: { listen: options.listen },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES } })],
    connectionManager: {
      maxConnections: options.relay === true ? RELAY_CONNECTIONS_MAX : CONNECTIONS_MAX,
      ...(options.lan ? LAN_CONNECTIONS : {}),
    },
    connectionMonitor: { ...MONITOR, protocolPrefix: 'hanse' },
    peerStore: { maxAddressAge: ADDRESS_AGE_MAX_MS },
    services: {
      identify: identify({ protocolPrefix: 'hanse' }),
      ping: ping({ protocolPrefix: 'hanse' }),
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
    },
  }
}
