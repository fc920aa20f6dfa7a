import type { AbortOptions, PeerId, PeerInfo } from '@libp2p/interface'
import { type KadDHT, MessageType, type QueryEvent } from '@libp2p/kad-dht'
import type { CID } from 'multiformats/cid'

/**
 * What a look-up is made of. `findProviders` of kad-dht itself ends as soon as twenty are named, by whomever: the first liar
 * ends it. A test looks whether the installed version has these parts.
 */
interface Parts {
  readonly queryManager: {
    run(
      key: Uint8Array,
      ask: (question: Question) => AsyncIterable<QueryEvent>,
      options: AbortOptions,
    ): AsyncIterable<QueryEvent>
  }
  readonly network: {
    sendRequest(to: PeerId, message: object, options: object): AsyncIterable<QueryEvent>
  }
  readonly providers: { getProviders(key: CID, options: AbortOptions): Promise<PeerId[]> }
  readonly components: {
    readonly peerStore: {
      get(id: PeerId): Promise<{ readonly addresses: readonly { multiaddr: Address }[] }>
      merge(id: PeerId, peer: { readonly multiaddrs: Address[] }): Promise<unknown>
    }
  }
}
type Address = PeerInfo['multiaddrs'][number]

interface Question {
  readonly peer: PeerInfo
  readonly signal?: AbortSignal
  readonly path: object
}

/** What each peer that is asked for the providers of `cid` names, as the answers come: this node's own records first. */
export async function* providerAnswers(
  dht: KadDHT,
  cid: CID,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<readonly PeerInfo[]> {
  const { queryManager, network, providers, components } = dht as unknown as Parts
  const { peerStore } = components
  const own = await providers.getProviders(cid, options)
  const known = own.map(async (id) => {
    const { addresses } = await peerStore.get(id).catch(() => ({ addresses: [] }))
    return { id, multiaddrs: addresses.map(({ multiaddr }) => multiaddr) }
  })
  yield await Promise.all(known)
  const key = cid.multihash.bytes
  const ask = ({ peer, signal, path }: Question) =>
    network.sendRequest(
      peer.id,
      { type: MessageType.GET_PROVIDERS, key },
      { ...options, signal, path },
    )
  for await (const event of queryManager.run(key, ask, options)) {
    if (event.name !== 'PEER_RESPONSE' || event.providers.length === 0) continue
    yield event.providers
  }
}

/** Remembers where a peer is said to be: it may be looked for by its name alone later. */
export async function rememberAddresses(dht: KadDHT, { id, multiaddrs }: PeerInfo): Promise<void> {
  const { peerStore } = (dht as unknown as Parts).components
  await peerStore.merge(id, { multiaddrs }).catch(() => {})
}
