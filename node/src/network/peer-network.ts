import type { Connection, Libp2p, PeerId, PeerInfo } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { FrameStream } from './frame-stream.ts'
import { keepDialed } from './keep-dialed.ts'
import type { PeerServices } from './peer-options.ts'
import { PROPOSED, type ProposedOptions } from './proposed-streams.ts'
import { providerAnswers, rememberAddresses } from './provider-answers.ts'
import { ProviderDraw } from './provider-draw.ts'
import { closeWhenIdle, RelayedConnections } from './relayed-connections.ts'

export interface OpenedStream {
  readonly frames: FrameStream
  readonly remotePeer: string
}

export interface FoundProvider {
  readonly peerId: string
  /** Each ends in `/p2p/` and the peer id, so a dial proves whom it reached. Never empty. */
  readonly addresses: string[]
}

export interface Waiting {
  readonly signal?: AbortSignal
}

/** A fact for whoever wants to know how a peer is connected. */
export interface PeerConnection {
  readonly address: string
  readonly direct: boolean
  readonly inbound: boolean
  readonly streams: number
}

// A DHT query with an empty table would wait 180 s. 20 s outlives a peer that dials on a slow link.
const QUERY_MS = 20_000

// libp2p's own limits: 10 s for a dial and 10 s more to agree on a protocol.
const OPEN_STREAM_MS = 20_000

// libp2p allows 64 streams of one protocol to one peer; a gateway asks one provider for more at once.
// yamux itself stops at 1000.
const OUTBOUND_STREAMS_MAX = 1_000

/** Some 500 bytes each. */
const IDS_MAX = 1_024

/** What every peer does, in Node and in a page: opens streams of frames to others, and asks the DHT. */
export class PeerNetwork implements AsyncDisposable {
  /** Aborted when the network stops. */
  protected readonly stopping = new AbortController()
  readonly #libp2p: Libp2p<PeerServices>
  readonly #random: () => number
  readonly #relayed = new RelayedConnections()
  readonly #ids = new Map<string, PeerId>()
  /** Protocols of streams that the peer of a connection has taken. */
  readonly #protocols = new WeakMap<Connection, Set<string>>()

  /** @param random from 0 to below 1 */
  constructor(libp2p: Libp2p<PeerServices>, random: () => number = Math.random) {
    this.#libp2p = libp2p
    this.#random = random
    libp2p.addEventListener('connection:open', ({ detail }) => {
      this.#relayed.opened(detail)
      if (!detail.direct) closeWhenIdle(detail, this.stopping.signal)
    })
  }

  get peerId(): string {
    return this.#libp2p.peerId.toString()
  }

  get connectionCount(): number {
    return this.#libp2p.getConnections().length
  }

  /** The open connections to a peer. */
  connectionsTo(peer: string): readonly PeerConnection[] {
    return this.#libp2p.getConnections(peerIdFromString(peer)).map((connection) => ({
      address: connection.remoteAddr.toString(),
      direct: connection.direct,
      inbound: connection.direction === 'inbound',
      streams: connection.streams.length,
    }))
  }

  /**
   * Opens a stream of the first of `protocols` that the peer speaks, over the connection there is or
   * a new one. That the stream opened does not mean the peer took it: its first frame does. A protocol
   * that it spoke on this connection before is not waited for; a stream of which it knows nothing any
   * more is reset.
   *
   * @param target a peer id, looked up in the DHT if need be, or addresses of one peer
   * @throws libp2p's error when the peer cannot be reached or speaks none of them; the signal's reason.
   */
  async openStream(
    target: string | string[],
    protocols: string | string[],
    waiting: Waiting = {},
  ): Promise<OpenedStream> {
    const peer = peerOf(target)
    const known = peer === undefined ? undefined : this.#known(peer)
    const signal =
      known === undefined ? this.signal(waiting, OPEN_STREAM_MS) : this.#signalOver(waiting)
    const connection = known ?? (await this.#dial(target, peer, signal))
    const options = {
      signal,
      maxOutboundStreams: OUTBOUND_STREAMS_MAX,
      runOnLimitedConnection: true,
      ...this.#proposed(connection, protocols),
    }
    const stream = await connection.newStream(protocols, options)
    this.#agreed(connection).add(stream.protocol)
    return { frames: new FrameStream(stream), remotePeer: connection.remotePeer.toString() }
  }

  /**
   * Peers listed under `cid`, each once, as they are found: of what each peer that is asked names, some by lot. Ends at
   * `limit`, or when all were asked. @throws the signal's reason, after what was found until then.
   */
  async *findProviders(
    cid: CID,
    { limit, ...waiting }: Waiting & { limit: number },
  ): AsyncGenerator<FoundProvider> {
    const { dht } = this.#libp2p.services
    const signal = this.signal(waiting, QUERY_MS)
    const draw = new ProviderDraw<PeerInfo>({
      limit,
      idOf: ({ id }) => id.toString(),
      random: this.#random,
    })
    try {
      for await (const named of providerAnswers(dht, cid, { signal })) {
        yield* this.#found(draw.add(named.filter(({ multiaddrs }) => multiaddrs.length > 0)))
        if (draw.isFull) return
      }
    } catch (error) {
      // Some did not answer in time: what the others named is as good as it was.
      yield* this.#found(draw.rest())
      throw error
    }
    yield* this.#found(draw.rest())
  }

  async *#found(peers: readonly PeerInfo[]): AsyncGenerator<FoundProvider> {
    for (const peer of peers) {
      await rememberAddresses(this.#libp2p.services.dht, peer)
      const peerId = peer.id.toString()
      const addresses = peer.multiaddrs.map((address) => withPeerId(address.toString(), peerId))
      yield { peerId, addresses }
    }
  }

  /** The best valid value of `key` that the DHT holds; `undefined` when there is none. */
  async getValue(key: Uint8Array, waiting: Waiting = {}): Promise<Uint8Array | undefined> {
    const signal = this.signal(waiting, QUERY_MS)
    try {
      return await this.#libp2p.contentRouting.get(key, { signal })
    } catch (error) {
      signal.throwIfAborted()
      // libp2p gathers what each router said; a missing key is all it throws this for.
      if (error instanceof AggregateError) return undefined
      throw error
    }
  }

  /** Dials each address now, and again whenever its peer is not connected, until `stop`. */
  keepConnected(addresses: readonly string[], redialMs?: number): void {
    for (const address of addresses)
      void keepDialed(this.#libp2p, multiaddr(address), this.stopping.signal, redialMs)
  }

  /** Resolves when at least one peer is connected. @throws the signal's reason. */
  async whenConnected(signal?: AbortSignal): Promise<void> {
    const either = AbortSignal.any(
      signal === undefined ? [this.stopping.signal] : [signal, this.stopping.signal],
    )
    either.throwIfAborted()
    if (this.connectionCount > 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onConnect = (): void => resolve()
    const onAbort = (): void => reject(either.reason)
    this.#libp2p.addEventListener('peer:connect', onConnect)
    either.addEventListener('abort', onAbort)
    try {
      await promise
    } finally {
      this.#libp2p.removeEventListener('peer:connect', onConnect)
      either.removeEventListener('abort', onAbort)
    }
  }

  /** Addresses at which the peer was seen, by this node or by those it asked. */
  async knownAddresses(peer: string): Promise<string[]> {
    const known = await this.#libp2p.peerStore.get(peerIdFromString(peer)).catch(() => undefined)
    return (known?.addresses ?? []).map(({ multiaddr: at }) => withPeerId(at.toString(), peer))
  }

  /** Closes every connection, cutting the streams that are still open: end sessions first. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error('the network was stopped'))
    await this.#libp2p.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Not left to dial(): it tries direct addresses anew each time while there is only a relayed connection. */
  #known(peer: string): Connection | undefined {
    return this.#relayed.best(this.#libp2p.getConnections(this.#idOf(peer)))
  }

  async #dial(
    target: string | string[],
    peer: string | undefined,
    signal: AbortSignal,
  ): Promise<Connection> {
    const addresses = typeof target === 'string' ? [] : target.map((address) => multiaddr(address))
    if (peer === undefined) return await this.#libp2p.dial(addresses, { signal })
    const id = this.#idOf(peer)
    // What there is, is nearly used up; without force, libp2p would hand it out again.
    const force = this.#libp2p.getConnections(id).some(({ status }) => status === 'open')
    return await this.#libp2p.dial(addresses.length === 0 ? id : addresses, { signal, force })
  }

  /** What the peer agreed to on this connection before need not be asked for again. */
  #proposed(connection: Connection, protocols: string | string[]): Partial<ProposedOptions> {
    const [protocol, ...others] = typeof protocols === 'string' ? [protocols] : protocols
    const agreed = this.#agreed(connection)
    if (protocol === undefined || others.length > 0 || !agreed.has(protocol)) return {}
    return { [PROPOSED]: () => agreed.delete(protocol) }
  }

  #agreed(connection: Connection): Set<string> {
    const known = this.#protocols.get(connection) ?? new Set()
    this.#protocols.set(connection, known)
    return known
  }

  /** Base58 is slow, and few peers are asked again and again. */
  #idOf(peer: string): PeerId {
    const known = this.#ids.get(peer)
    if (known !== undefined) return known
    const id = peerIdFromString(peer)
    if (this.#ids.size >= IDS_MAX) this.#ids.clear()
    this.#ids.set(peer, id)
    return id
  }

  /** For a stream over a connection there is: it ends with that, and so when the network stops. */
  #signalOver(waiting: Waiting): AbortSignal {
    return waiting.signal ?? this.signal(waiting, OPEN_STREAM_MS)
  }

  /** Without a signal libp2p waits far too long, so every call gets one. */
  protected signal({ signal }: Waiting, defaultMs: number = QUERY_MS): AbortSignal {
    return AbortSignal.any([this.stopping.signal, signal ?? AbortSignal.timeout(defaultMs)])
  }
}

/** Whom a peer id or the addresses of a peer name; of a relayed address that is its end. */
function peerOf(target: string | string[]): string | undefined {
  return typeof target === 'string' ? target : /\/p2p\/([^/]+)$/u.exec(target[0] ?? '')?.[1]
}

export function withPeerId(address: string, peerId: string): string {
  // The address of a relay has the relay's id in it.
  return address.endsWith(`/p2p/${peerId}`) ? address : `${address}/p2p/${peerId}`
}
