import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type { Startable, StreamMuxerFactory } from '@libp2p/interface'
import {
  type KadDHT,
  kadDHT,
  passthroughMapper,
  removePrivateAddressesMapper,
} from '@libp2p/kad-dht'
import { type Ping, ping } from '@libp2p/ping'
import { yamux } from '@libp2p/yamux'
import type { ServiceFactoryMap } from 'libp2p'
import { gathering } from './gathered-writes.ts'
import { heartbeat } from './heartbeat.ts'

/** What the DHT holds, and whom it takes for reachable. */
export interface DhtOptions {
  /** Loopback and private addresses count as reachable, and one address may open many connections. */
  readonly lan: boolean
  /** Asks the DHT without being asked by it. */
  readonly dhtClient: boolean
  /** Throws for a DHT value that no node should store. Keys begin with `/hanse/`. */
  validateRecord(key: Uint8Array, value: Uint8Array): Promise<void>
  /** The index of the best of several valid values of one key. */
  selectRecord(key: Uint8Array, values: Uint8Array[]): number
}

export type PeerServices = {
  identify: Identify
  identifyPush: IdentifyPush
  ping: Ping
  dht: KadDHT
  heartbeat: Startable
}

// Speaks only with its like: nodes of another string never enter each other's tables.
const DHT_PROTOCOL = '/hanse/kad/1.0.0'

// The default window grows to 16 MiB while the read buffer is cut at 4 MiB, which resets fast streams
// whose reader pauses. 1 MiB still carries 20 MB/s at a round trip of 50 ms.
const STREAM_WINDOW_BYTES = 1 << 20

// libp2p queues without a bound for a peer that does not read. The largest prompt of 16 MiB is written at once.
const STREAM_UNSENT_BYTES = 24 << 20

// 256 sessions, as many relayed connections, and what keeps the connection up.
export const STREAMS_PER_CONNECTION = 640

/** One address after the other is tried; with libp2p's 6 s a dead one would use up the patience of whoever waits. */
export const DIAL_ADDRESS_MS = 2_500

/** libp2p's own cuts a busy peer as well as a frozen one. */
export const MONITOR = { enabled: false }

/** A frozen peer is found after 2.5 to 4.5 s; with libp2p's defaults it took 14.7 s. */
const HEARTBEAT = { everyMs: 2_000, patienceMs: 2_500 }

/**
 * A provider record names only the peer; its addresses come from the peer store, which forgets those not seen for an hour.
 * They have to outlive the record (validity below) by far.
 */
export const ADDRESS_AGE_MAX_MS = 6 * 3_600_000

// A dead provider stays listed for `validity`, at most one `interval` longer. A record is provided
// anew when less than `threshold` of its life is left, so one lost round does not unlist a live one.
export const REPROVIDE = { validity: 30 * 60_000, interval: 5 * 60_000, threshold: 20 * 60_000 }

// The first query of a node waits for its first look at itself, by default one second.
const FIRST_SELF_QUERY_MS = 100

export function muxer(): () => StreamMuxerFactory {
  return gathering(
    yamux({
      maxInboundStreams: STREAMS_PER_CONNECTION,
      // Who opened the connection may use it before this side has looked at it; libp2p resets all beyond ten then.
      maxEarlyStreams: STREAMS_PER_CONNECTION,
      streamOptions: {
        maxStreamWindowSize: STREAM_WINDOW_BYTES,
        maxWriteBufferLength: STREAM_UNSENT_BYTES,
      },
    }),
  )
}

/** What every peer of the network speaks. */
export function peerServices(options: DhtOptions): ServiceFactoryMap<PeerServices> {
  return {
    identify: identify({ protocolPrefix: 'hanse' }),
    // Without it, who is connected already never learns of a place at a relay.
    identifyPush: identifyPush({ protocolPrefix: 'hanse' }),
    ping: ping({ protocolPrefix: 'hanse' }),
    heartbeat: heartbeat(HEARTBEAT),
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
}
