import { randomInt } from 'node:crypto'
import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { CID } from 'multiformats/cid'
import { announceOrder } from './address-kinds.ts'
import { askDialBack, DIAL_BACK_MS, DialBack } from './dial-back.ts'
import { DIAL_BACK_ADDRESSES_MAX, DIAL_BACK_PROTOCOL } from './dial-back-messages.ts'
import { FrameStream } from './frame-stream.ts'
import { tellProtocolsOnce } from './known-protocols.ts'
import {
  connectionsMax,
  type HanseServices,
  libp2pOptions,
  type NetworkOptions,
  type RelayUse,
} from './libp2p-options.ts'
import { listenFault } from './listen-error.ts'
import { type GateRules, PeerGate } from './peer-gate.ts'
import { PeerNetwork, type Waiting, withPeerId } from './peer-network.ts'
import {
  median,
  type PeerReport,
  type Reachability,
  type ReachabilityReport,
  reachabilityOf,
} from './reachability.ts'
import { RelayHost } from './relay-host.ts'
import { RELAY_LIMITS } from './relay-limits.ts'
import { SelfReach } from './self-reach.ts'
import { StreamAdmission } from './stream-admission.ts'
import { StreamWatch, whenClosed } from './stream-watch.ts'

/** Serves one stream. A rejection resets it. */
export type StreamHandler = (frames: FrameStream, remotePeer: string) => Promise<void>

/** Listened on, it stands for a place at any relay that is connected. */
const CIRCUIT = '/p2p-circuit'

// A gateway uses one connection to a provider; more appear when both dial at once, or a hole is punched.
const GATE: Omit<GateRules, 'connectionsMax' | 'lan'> = {
  allowPeers: [],
  denyPeers: [],
  denyAddresses: [],
  relays: 'any',
  connectionsPerPeer: 8,
  connectionsPerAddress: 64,
}

// Above what one gateway asks of one provider in a second, and below what would keep a node from its work.
const STREAMS = { perSecond: 2_000, most: 4_096 }

/** For a peer that goes on opening streams after two thousand were refused. */
const FLOOD_DENY_MS = 5 * 60_000

const DIAL_BACK_STREAMS_MAX = 4
const PROBED_PEERS = 3

// Multicast is for small networks; in a large one the DHT does it better.
const DISCOVERED_CONNECTIONS_MAX = 64

const DEFAULT_INBOUND_STREAMS_MAX = 256

/**
 * Starts a peer of the Hanse network. It knows nobody until `keepConnected` or an `openStream`.
 *
 * @throws {HanseError} HANSE_ADDRESS_IN_USE; another error when an address cannot be listened on
 */
export async function openNetwork(options: NetworkOptions): Promise<Network> {
  const { lan, relay, relayUse = 'off', now = Date.now } = options
  const gate = new PeerGate(
    { ...GATE, ...options.gate, connectionsMax: connectionsMax(options), lan },
    now,
  )
  const relayHost =
    relay === true
      ? new RelayHost({ ...RELAY_LIMITS, ...options.relayLimits }, { lan, now })
      : undefined
  const direct = options.listen.filter((address) => address !== CIRCUIT)
  const listen = relayUse === 'on' && relay !== true ? [...direct, CIRCUIT] : direct
  let libp2p: Libp2p<HanseServices>
  try {
    libp2p = await createLibp2p<HanseServices>(
      libp2pOptions({ ...options, listen }, { gate, relayHost }),
    )
  } catch (error) {
    throw listenFault(error, '--listen')
  }
  tellProtocolsOnce(libp2p.peerStore, now)
  const admission = new StreamAdmission({ ...STREAMS, ...options.streams }, now)
  const network = new Network(libp2p, { gate, relayHost, admission, lan, now })
  if (!options.dhtClient) await network.serveDialBack()
  if (options.mdnsTag !== undefined) network.dialDiscovered()
  if (!options.dhtClient && relay !== true) network.watchReachability(relayUse)
  return network
}

interface Parts {
  readonly gate: PeerGate
  readonly relayHost: RelayHost | undefined
  readonly admission: StreamAdmission
  readonly lan: boolean
  readonly now: () => number
}

/** What Hanse needs from libp2p: streams of frames to a peer and from it, and the DHT's records. */
export class Network extends PeerNetwork {
  readonly #libp2p: Libp2p<HanseServices>
  readonly #parts: Parts
  readonly #provided = new Map<string, CID>()
  readonly #addressListeners = new Set<(addresses: readonly string[]) => void>()
  #announced = ''
  #selfReach: SelfReach | undefined

  constructor(libp2p: Libp2p<HanseServices>, parts: Parts) {
    super(libp2p)
    this.#libp2p = libp2p
    this.#parts = parts
    libp2p.addEventListener('connection:open', ({ detail }) => parts.gate.opened(detail))
    libp2p.addEventListener('connection:close', ({ detail }) => parts.gate.closed(detail))
    this.#announced = this.addresses().join()
    libp2p.addEventListener('self:peer:update', () => this.#onSelfUpdate())
  }

  /** Where this peer is reached, each with `/p2p/` and its peer id: first what everybody can dial, then relays. */
  addresses(): string[] {
    const all = this.#libp2p.getMultiaddrs().map((address) => address.toString())
    return announceOrder([...new Set(all)])
  }

  /** Calls back whenever `addresses()` has changed. @returns what to call to hear no more */
  onAddresses(listener: (addresses: readonly string[]) => void): () => void {
    this.#addressListeners.add(listener)
    return () => this.#addressListeners.delete(listener)
  }

  /** Streams that others opened and that are being served. */
  get inboundStreams(): number {
    return this.#parts.admission.open
  }

  /** How others reached this peer when they were last asked to. */
  reachability(): Reachability {
    const last = this.#selfReach?.last ?? 'unknown'
    if (last === 'direct') return last
    if (this.addresses().some((address) => address.includes(CIRCUIT))) return 'relayed'
    return last === 'relayed' ? 'unreachable' : last
  }

  /** Refuses a peer for a while, and closes what connections it has. */
  deny(peer: string, forMs: number): void {
    this.#parts.gate.deny(peer, forMs)
    for (const connection of this.#libp2p.getConnections(peerIdFromString(peer)))
      connection.abort(new Error('denied'))
  }

  /**
   * Serves `protocol`. Streams over `maxInboundStreams` per connection are reset, and so are those of a peer that opens
   * them too often. A peer that sends nothing, or does not end its side, is cut.
   */
  async handle(
    protocol: string,
    handler: StreamHandler,
    { maxInboundStreams = DEFAULT_INBOUND_STREAMS_MAX }: { maxInboundStreams?: number } = {},
  ): Promise<void> {
    await this.#serve(
      protocol,
      async (frames, { remotePeer }) => await handler(frames, remotePeer.toString()),
      maxInboundStreams,
    )
  }

  async #serve(
    protocol: string,
    handler: (frames: FrameStream, connection: Connection) => Promise<void>,
    maxInboundStreams: number,
  ): Promise<void> {
    const { admission } = this.#parts
    await this.#libp2p.handle(
      protocol,
      async (stream, connection) => {
        const peer = connection.remotePeer.toString()
        const verdict = admission.admit(peer, protocol)
        if (verdict !== 'served') {
          stream.abort(new Error(verdict))
          if (verdict === 'flood') this.deny(peer, FLOOD_DENY_MS)
          return
        }
        whenClosed(stream, () => admission.release())
        // The FrameStream is made at once: what comes before it listens may be lost sight of.
        const frames = new FrameStream(stream)
        const watch = new StreamWatch(stream)
        try {
          await handler(frames, connection)
        } finally {
          watch.served()
        }
      },
      // What a relay limits it limits by bytes and time, which a session can bear.
      { maxInboundStreams, runOnLimitedConnection: true },
    )
  }

  async unhandle(protocol: string): Promise<void> {
    await this.#libp2p.unhandle(protocol)
  }

  /** Lists this peer under `cid`, and keeps it listed while it runs. Resolves when the DHT was told. */
  async provide(cid: CID, waiting: Waiting = {}): Promise<void> {
    this.#provided.set(cid.toString(), cid)
    await this.#libp2p.contentRouting.provide(cid, { signal: this.signal(waiting) })
  }

  /** Lists this peer no more. Others may still find it until the record expires, 35 minutes at most. */
  async cancelProvide(cid: CID): Promise<void> {
    this.#provided.delete(cid.toString())
    await this.#libp2p.contentRouting.cancelReprovide(cid)
  }

  /**
   * Stores `value` under `key`, which begins with `/hanse/`, at the peers closest to it.
   *
   * @returns how many stored it: one that refuses does not answer.
   */
  async putValue(key: Uint8Array, value: Uint8Array, waiting: Waiting = {}): Promise<number> {
    let stored = 0
    const signal = this.signal(waiting)
    for await (const event of this.#libp2p.services.dht.put(key, value, { signal })) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') stored++
    }
    return stored
  }

  /** Dials each address now, and again whenever its peer is not connected, until `stop`. */
  override keepConnected(addresses: readonly string[], redialMs?: number): void {
    for (const address of addresses) {
      const peer = multiaddr(address)
        .getComponents()
        .findLast(({ name }) => name === 'p2p')?.value
      if (peer !== undefined) this.#parts.gate.protect(peer)
    }
    super.keepConnected(addresses, redialMs)
  }

  /** Asks connected peers, chosen at random, to dial this one at its addresses. */
  async probeReachability(
    signal: AbortSignal,
    { peers = PROBED_PEERS }: { peers?: number } = {},
  ): Promise<ReachabilityReport> {
    const addresses = this.addresses()
    const asked = (await this.#dialBackPeers()).slice(0, peers)
    const reports = await Promise.all(
      asked.map(async (peer) => await this.#askToDial(peer, addresses, signal)),
    )
    signal.throwIfAborted()
    const offsets = reports.flatMap(({ clockOffsetMs }) => clockOffsetMs ?? [])
    const report: ReachabilityReport = {
      reachability: reachabilityOf(reports, addresses),
      addresses,
      peers: reports,
      clockOffsetMs: median(offsets),
    }
    this.#selfReach?.learn(report)
    return report
  }

  async #dialBackPeers(): Promise<string[]> {
    const able: { peer: string; rank: number }[] = []
    for (const id of this.#libp2p.getPeers()) {
      const known = await this.#libp2p.peerStore.get(id).catch(() => undefined)
      if (known?.protocols.includes(DIAL_BACK_PROTOCOL) === true)
        able.push({ peer: id.toString(), rank: randomInt(2 ** 32) })
    }
    return able.sort((one, other) => one.rank - other.rank).map(({ peer }) => peer)
  }

  async #askToDial(
    peerId: string,
    addresses: readonly string[],
    signal: AbortSignal,
  ): Promise<PeerReport> {
    const { now } = this.#parts
    const within = AbortSignal.any([signal, AbortSignal.timeout(DIAL_BACK_MS)])
    const asked = addresses.length === 0 ? [`/p2p/${this.peerId}`] : addresses
    try {
      const { frames } = await this.openStream(peerId, DIAL_BACK_PROTOCOL, { signal: within })
      const heard = await askDialBack(frames, asked.slice(0, DIAL_BACK_ADDRESSES_MAX), {
        now,
        signal: within,
      })
      const results = addresses.length === 0 ? [] : heard.results
      return { peerId, ...heard, results, fault: undefined }
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error)
      return { peerId, observed: undefined, clockOffsetMs: undefined, results: [], fault }
    }
  }

  /** Dials other nodes back when they ask for it. */
  async serveDialBack(): Promise<void> {
    const { lan, now, gate, relayHost } = this.#parts
    const { transportManager } = this.#libp2p.services.components
    const dialBack = new DialBack({
      lan,
      now,
      self: this.peerId,
      relays: (peer) => relayHost?.holds(peer) === true,
      isConnected: (peer) => this.#libp2p.getConnections(peerIdFromString(peer)).length > 0,
      // Past the dial queue, which makes one dial of all addresses of a peer and stops at the first that answers.
      dial: async (address, signal) => {
        if (gate.blocks(address)) throw new Error('denied address')
        return await transportManager.dial(address, { signal })
      },
    })
    await this.#serve(
      DIAL_BACK_PROTOCOL,
      async (frames, connection) => await dialBack.serve(frames, connection),
      DIAL_BACK_STREAMS_MAX,
    )
  }

  /** Dials whom multicast finds: the network is theirs and ours by name. */
  dialDiscovered(): void {
    this.#libp2p.addEventListener('peer:discovery', ({ detail: { id, multiaddrs } }) => {
      if (this.connectionCount >= DISCOVERED_CONNECTIONS_MAX || multiaddrs.length === 0) return
      if (this.#libp2p.getConnections(id).length > 0) return
      const addresses = multiaddrs.map((address) =>
        multiaddr(withPeerId(address.toString(), id.toString())),
      )
      this.#libp2p.dial(addresses, { signal: this.signal({}) }).catch(() => {})
    })
  }

  /** Keeps `reachability` true, and with `auto` asks relays for a place when it is bad. */
  watchReachability(use: RelayUse): void {
    this.#selfReach = new SelfReach({
      use,
      probe: async (signal) => await this.probeReachability(signal),
      connected: async (signal) => await this.whenConnected(signal),
      listenOnRelays: async () =>
        await this.#libp2p.services.components.transportManager.listen([multiaddr(CIRCUIT)]),
    })
    void this.#selfReach.watch(this.stopping.signal)
  }

  /** Peers that hold our records heard of other addresses, or refused to hold them as there was none. */
  #onSelfUpdate(): void {
    const addresses = this.addresses()
    if (addresses.join() === this.#announced || this.stopping.signal.aborted) return
    this.#announced = addresses.join()
    for (const listener of this.#addressListeners) listener(addresses)
    for (const cid of this.#provided.values()) {
      // The next round of reproviding tries again what fails now.
      this.provide(cid).catch(() => {})
    }
  }
}
