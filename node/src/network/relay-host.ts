import { setTimeout as delay } from 'node:timers/promises'
import { type CircuitRelayService, circuitRelayServer } from '@libp2p/circuit-relay-v2'
import type { ConnectionGater, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import * as Digest from 'multiformats/hashes/digest'
import { ipOf, kindOfIp, ownerOf } from './address-kinds.ts'
import { forward } from './relay-forward.ts'
import { RelayLedger, type RelayLimits } from './relay-limits.ts'
import { whenClosed } from './stream-watch.ts'

type Components = Parameters<ReturnType<typeof circuitRelayServer>>[0]

/** Every Hanse node answers this, and says so when it is identified. */
const HANSE_PROTOCOL = '/hanse/ping/1.0.0'
// Identification begins with the connection; who asks for a relay at once may be ahead of it.
const IDENTIFY_MS = 3_000
const IDENTIFY_POLL_MS = 50

// "No limit" of one kind beside a limit of the other: libp2p applies both or none.
const DATA_UNLIMITED = 1n << 62n
const DURATION_UNLIMITED_MS = 2 ** 31 - 1

/** Both ends of a relay stream live on one connection of a peer; yamux has 512. */
const CIRCUIT_STREAMS_MAX = 512

/** Reaches others through this node: the circuit relay of libp2p, for Hanse nodes alone, with limits. */
export class RelayHost {
  readonly #limits: RelayLimits
  readonly #ledger: RelayLedger
  readonly #lan: boolean
  #components: Components | undefined
  #service: CircuitRelayService | undefined

  constructor(limits: RelayLimits, { lan, now }: { lan: boolean; now: () => number }) {
    this.#limits = limits
    this.#lan = lan
    this.#ledger = new RelayLedger(limits, now)
  }

  readonly gater: ConnectionGater = {
    denyInboundRelayReservation: async (source) => !(await this.#admitsReservation(source)),
    denyOutboundRelayedConnection: async (source, destination) =>
      !(
        this.#ledger.admits(source.toString(), destination.toString()) &&
        (await this.#isHanse(source))
      ),
  }

  /** Whether `peer` is reached through this node. */
  holds(peer: string): boolean {
    for (const [id] of this.#service?.reservations ?? []) if (id.toString() === peer) return true
    return false
  }

  readonly service = (components: Components): CircuitRelayService => {
    const { reservations, dataLimit, durationMs } = this.#limits
    this.#components = components
    const service = circuitRelayServer({
      maxInboundHopStreams: CIRCUIT_STREAMS_MAX,
      maxOutboundStopStreams: CIRCUIT_STREAMS_MAX,
      reservations: {
        maxReservations: reservations,
        applyDefaultLimit: dataLimit > 0n || durationMs > 0,
        defaultDataLimit: dataLimit > 0n ? dataLimit : DATA_UNLIMITED,
        defaultDurationLimit: durationMs > 0 ? durationMs : DURATION_UNLIMITED_MS,
      },
    })(components)
    this.#service = service
    this.#carryOurselves(service as unknown as Server)
    return service
  }

  /** libp2p agrees on a connection with both peers; what it then carries between them goes through `forward`. */
  #carryOurselves(server: Server): void {
    const { handleConnect, stopHop } = server
    server.handleConnect = async (hop, options) => {
      const ends: { source?: Stream; destination?: Stream | undefined } = {}
      const call: Joining = Object.create(server)
      call.stopHop = async (stop, stopOptions) => {
        ends.destination = await stopHop.call(server, stop, stopOptions)
        return ends.destination === undefined ? undefined : new RelayEnd(ends.destination)
      }
      const stream: HopStream = {
        pb: (codec) => hop.stream.pb(codec),
        unwrap: () => {
          ends.source = hop.stream.unwrap() as Stream
          return new RelayEnd(ends.source)
        },
      }
      await handleConnect.call(call, { ...hop, stream }, options)
      const { source, destination } = ends
      if (source === undefined || destination === undefined) return
      const from = hop.connection.remotePeer.toString()
      const { peer } = hop.request
      whenClosed(source, this.#ledger.open(from, destinationOf(peer)))
      const { dataLimit } = this.#limits
      forward(source, destination, dataLimit > 0n ? dataLimit : undefined)
    }
  }

  async #admitsReservation(source: PeerId): Promise<boolean> {
    const owner = this.#ownerOf(source)
    if (owner !== undefined && !this.holds(source.toString())) {
      let others = 0
      for (const [peer] of this.#service?.reservations ?? [])
        if (this.#ownerOf(peer) === owner) others++
      if (others >= this.#limits.reservationsPerAddress) return false
    }
    return await this.#isHanse(source)
  }

  #ownerOf(peer: PeerId): string | undefined {
    const connection = this.#components?.connectionManager.getConnections(peer)[0]
    const ip = connection === undefined ? undefined : ipOf(connection.remoteAddr)
    if (ip === undefined || (this.#lan && kindOfIp(ip) !== 'public')) return undefined
    return ownerOf(ip)
  }

  async #isHanse(peer: PeerId): Promise<boolean> {
    const store = this.#components?.peerStore
    for (let waited = 0; waited <= IDENTIFY_MS; waited += IDENTIFY_POLL_MS) {
      const known = await store?.get(peer).catch(() => undefined)
      if (known?.protocols.includes(HANSE_PROTOCOL) === true) return true
      await delay(IDENTIFY_POLL_MS)
    }
    return false
  }
}

interface HopStream {
  pb(codec: unknown): unknown
  unwrap(): unknown
}

interface Hop {
  readonly stream: HopStream
  readonly connection: { readonly remotePeer: PeerId }
  readonly request: { readonly peer?: { readonly id: Uint8Array } }
}

/** The methods of libp2p's relay server that are stepped into. */
interface Server {
  handleConnect: (this: Server | Joining, hop: Hop, options: unknown) => Promise<void>
  stopHop: (this: Server, stop: unknown, options: unknown) => Promise<Stream | undefined>
}

/** A server for one connection, whose streams are stood in for. */
interface Joining {
  stopHop: (stop: unknown, options: unknown) => Promise<RelayEnd | undefined>
}

/**
 * Stands in for a stream where libp2p would join two of them: its time limit, its expired reservations and its shutdown
 * still end the stream, but it sees no bytes.
 */
class RelayEnd extends EventTarget {
  readonly #stream: Stream
  readonly writeStatus = 'writable'

  constructor(stream: Stream) {
    super()
    this.#stream = stream
    whenClosed(stream, () => this.dispatchEvent(new Event('close')))
  }

  send(): boolean {
    return true
  }

  async close(): Promise<void> {}

  abort(error: Error): void {
    this.#stream.abort(error)
  }
}

/** The ledger's name of the peer that was asked for: libp2p has parsed it by then. */
function destinationOf(peer: { readonly id: Uint8Array } | undefined): string {
  return peer === undefined ? '' : peerIdFromMultihash(Digest.decode(peer.id)).toString()
}
