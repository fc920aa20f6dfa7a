import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { CID } from 'multiformats/cid'
import { FrameStream } from './frame-stream.ts'
import { keepDialed } from './keep-dialed.ts'
import { type HanseServices, libp2pOptions, type NetworkOptions } from './libp2p-options.ts'

/** Serves one stream. A rejection resets it. */
export type StreamHandler = (frames: FrameStream, remotePeer: string) => Promise<void>

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

// A DHT query with an empty table would wait 180 s. 20 s outlives a peer that dials on a slow link.
const QUERY_MS = 20_000

// libp2p's own limits: 10 s for a dial and 10 s more to agree on a protocol.
const OPEN_STREAM_MS = 20_000

// libp2p allows 64 streams of one protocol to one peer; a gateway asks one provider for more at once.
// yamux itself stops at 1000.
const OUTBOUND_STREAMS_MAX = 1_000

const DEFAULT_INBOUND_STREAMS_MAX = 256

/**
 * Starts a peer of the Hanse network. It knows nobody until `keepConnected` or an `openStream`.
 *
 * @throws when an address cannot be listened on.
 */
export async function openNetwork(options: NetworkOptions): Promise<Network> {
  return new Network(await createLibp2p<HanseServices>(libp2pOptions(options)))
}

/** What Hanse needs from libp2p: streams of frames to a peer, and the DHT's records. */
export class Network implements AsyncDisposable {
  readonly #libp2p: Libp2p<HanseServices>
  readonly #stopping = new AbortController()

  constructor(libp2p: Libp2p<HanseServices>) {
    this.#libp2p = libp2p
  }

  get peerId(): string {
    return this.#libp2p.peerId.toString()
  }

  /** Where this peer listens, each with `/p2p/` and its peer id. */
  addresses(): string[] {
    return this.#libp2p.getMultiaddrs().map((address) => address.toString())
  }

  get connectionCount(): number {
    return this.#libp2p.getConnections().length
  }

  /** Serves `protocol`. Streams over `maxInboundStreams` per connection are reset. */
  async handle(
    protocol: string,
    handler: StreamHandler,
    { maxInboundStreams = DEFAULT_INBOUND_STREAMS_MAX }: { maxInboundStreams?: number } = {},
  ): Promise<void> {
    await this.#libp2p.handle(
      protocol,
      // The FrameStream is made at once: what comes before it listens may be lost sight of.
      async (stream, connection) =>
        await handler(new FrameStream(stream), connection.remotePeer.toString()),
      { maxInboundStreams },
    )
  }

  async unhandle(protocol: string): Promise<void> {
    await this.#libp2p.unhandle(protocol)
  }

  /**
   * Opens a stream of the first of `protocols` that the peer speaks, over the connection there is or
   * a new one. That the stream opened does not mean the peer took it: its first frame does.
   *
   * @param target a peer id, looked up in the DHT if need be, or addresses of one peer
   * @throws libp2p's error when the peer cannot be reached or speaks none of them; the signal's reason.
   */
  async openStream(
    target: string | string[],
    protocols: string | string[],
    waiting: Waiting = {},
  ): Promise<OpenedStream> {
    const signal = this.#signal(waiting, OPEN_STREAM_MS)
    const connection = await this.#connect(target, signal)
    const stream = await connection.newStream(protocols, {
      signal,
      maxOutboundStreams: OUTBOUND_STREAMS_MAX,
    })
    return { frames: new FrameStream(stream), remotePeer: connection.remotePeer.toString() }
  }

  /** Lists this peer under `cid`, and keeps it listed while it runs. Resolves when the DHT was told. */
  async provide(cid: CID, waiting: Waiting = {}): Promise<void> {
    await this.#libp2p.contentRouting.provide(cid, { signal: this.#signal(waiting, QUERY_MS) })
  }

  /** Lists this peer no more. Others may still find it until the record expires, 35 minutes at most. */
  async cancelProvide(cid: CID): Promise<void> {
    await this.#libp2p.contentRouting.cancelReprovide(cid)
  }

  /** Peers listed under `cid`, each once, as they are found. Ends at `limit`, or when all were asked. */
  async *findProviders(
    cid: CID,
    { limit, ...waiting }: Waiting & { limit: number },
  ): AsyncGenerator<FoundProvider> {
    const seen = new Set<string>()
    const signal = this.#signal(waiting, QUERY_MS)
    for await (const { id, multiaddrs } of this.#libp2p.contentRouting.findProviders(cid, {
      signal,
    })) {
      const peerId = id.toString()
      if (multiaddrs.length === 0 || seen.has(peerId)) continue
      seen.add(peerId)
      yield {
        peerId,
        addresses: multiaddrs.map((address) => withPeerId(address.toString(), peerId)),
      }
      if (seen.size >= limit) return
    }
  }

  /**
   * Stores `value` under `key`, which begins with `/hanse/`, at the peers closest to it.
   *
   * @returns how many stored it: one that refuses does not answer.
   */
  async putValue(key: Uint8Array, value: Uint8Array, waiting: Waiting = {}): Promise<number> {
    let stored = 0
    const signal = this.#signal(waiting, QUERY_MS)
    for await (const event of this.#libp2p.services.dht.put(key, value, { signal })) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') stored++
    }
    return stored
  }

  /** The best valid value of `key` that the DHT holds; `undefined` when there is none. */
  async getValue(key: Uint8Array, waiting: Waiting = {}): Promise<Uint8Array | undefined> {
    const signal = this.#signal(waiting, QUERY_MS)
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
  keepConnected(addresses: string[], redialMs?: number): void {
    for (const address of addresses) {
      void keepDialed(this.#libp2p, multiaddr(address), this.#stopping.signal, redialMs)
    }
  }

  /** Resolves when at least one peer is connected. @throws the signal's reason. */
  async whenConnected(signal?: AbortSignal): Promise<void> {
    const either = AbortSignal.any(
      signal === undefined ? [this.#stopping.signal] : [signal, this.#stopping.signal],
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

  /** Closes every connection, cutting the streams that are still open: end sessions first. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the network was stopped'))
    await this.#libp2p.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #connect(target: string | string[], signal: AbortSignal): Promise<Connection> {
    // dial() itself hands back an open connection to the same peer.
    if (typeof target === 'string')
      return await this.#libp2p.dial(peerIdFromString(target), { signal })
    return await this.#libp2p.dial(
      target.map((address) => multiaddr(address)),
      { signal },
    )
  }

  /** Without a signal libp2p waits far too long, so every call gets one. */
  #signal({ signal }: Waiting, defaultMs: number): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, signal ?? AbortSignal.timeout(defaultMs)])
  }
}

function withPeerId(address: string, peerId: string): string {
  return address.includes('/p2p/') ? address : `${address}/p2p/${peerId}`
}
