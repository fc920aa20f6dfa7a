import { randomBytes } from 'node:crypto'
import { picoEuro, type Signer, signerOf } from '@hanse/protocol'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { pino } from 'pino'
import type { Engine } from '../../engine/index.ts'
import { ProviderStatistics } from '../../metrics/index.ts'
import { type Network, openNetwork } from '../../network/index.ts'
import { openOfferValue, selectNewestOffer } from '../../network/offer-records.ts'
import { offeredModels } from '../../provider/model-names.ts'
import { Provider } from '../../provider/provider.ts'
import { NodeStore } from '../../store/node-store.ts'
import { Authorizer } from '../authorizer.ts'
import type { ConsumerOptions } from '../consumer.ts'
import { OfferDirectory } from '../offer-directory.ts'

const NETWORK = 'test'
/** On a loaded machine; nodes that know each other take far less. */
const FOUND_MS = 20_000

export interface SmallMarket extends AsyncDisposable {
  /** Peer ids, in the order of the engines. */
  readonly providers: readonly string[]
  /** What each of them keeps, in the same order. */
  readonly providerStores: readonly NodeStore[]
  readonly networkName: string
  readonly store: NodeStore
  /** For a consumer that takes offers without evidence and pays without settlement. */
  readonly options: ConsumerOptions
  /** What a consumer knows that has never met a provider: all of their offers. */
  readonly freshDirectory: () => Promise<OfferDirectory>
}

export interface SmallMarketOptions {
  /** Sessions that each provider serves at once; 4 when left out. */
  readonly slots?: number
}

/** Providers, one for each engine, and what a consumer needs to buy of them; all in this process, over loopback. */
export async function openSmallMarket(
  engines: readonly Engine[],
  { slots = 4 }: SmallMarketOptions = {},
): Promise<SmallMarket> {
  await using stack = new AsyncDisposableStack()
  const open = async (): Promise<{ signer: Signer; network: Network }> => {
    const peer = await openPeer()
    stack.use(peer.network)
    return peer
  }
  const { signer, network } = await open()
  const providers: string[] = []
  const providerStores: NodeStore[] = []
  for (const engine of engines) {
    const peer = await open()
    peer.network.keepConnected(network.addresses())
    const store = stack.use(new NodeStore(':memory:'))
    stack.use(await startProvider(engine, peer, store, slots))
    providers.push(peer.signer.peerId)
    providerStores.push(store)
  }
  const store = stack.use(new NodeStore(':memory:'))
  const context = { network: NETWORK }
  const freshDirectory = async () => await directoryOf(network, providers)
  const directory = await freshDirectory()
  const moved = stack.move()
  return {
    providers,
    providerStores,
    networkName: NETWORK,
    store,
    freshDirectory,
    options: {
      networkName: NETWORK,
      signer,
      network,
      store,
      directory,
      authorizer: new Authorizer({
        context,
        store,
        source: undefined,
        amount: picoEuro(1n),
        now: Date.now,
      }),
      settings: {
        residency: { allow: [], minLevel: 0, trustedAttestors: [] },
        maxInputPrice: undefined,
        maxOutputPrice: undefined,
        receiptEvery: 32n,
        creditWindowMax: picoEuro(10n ** 9n),
        // Longer than the patience with one provider.
        deadlineMs: 120_000,
        keepRequests: false,
      },
      now: Date.now,
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
    },
    [Symbol.asyncDispose]: async () => await moved.disposeAsync(),
  }
}

/** One that has found them all: a look-up that came too early would be remembered for seconds. */
async function directoryOf(
  network: Network,
  providers: readonly string[],
): Promise<OfferDirectory> {
  for (const until = Date.now() + FOUND_MS; ; ) {
    const directory = new OfferDirectory({ network, context: { network: NETWORK }, now: Date.now })
    const found = new Set((await directory.browse()).map(({ offer }) => offer.provider as string))
    if (providers.every((provider) => found.has(provider))) return directory
    if (Date.now() > until) throw new Error(`${found.size} of ${providers.length} were found`)
  }
}

async function openPeer(): Promise<{ signer: Signer; network: Network }> {
  const seed = new Uint8Array(randomBytes(32))
  const network = await openNetwork({
    privateKey: await generateKeyPairFromSeed('Ed25519', seed),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    lan: true,
    dhtClient: false,
    validateRecord: async (key, value) => {
      openOfferValue({ network: NETWORK }, key, value, Date.now())
    },
    selectRecord: (_key, values) => selectNewestOffer(values),
  })
  return { signer: signerOf(seed), network }
}

async function startProvider(
  engine: Engine,
  { signer, network }: { readonly signer: Signer; readonly network: Network },
  store: NodeStore,
  slots: number,
): Promise<Provider> {
  const live = Promise.withResolvers<void>()
  const found = await engine.models()
  const models = offeredModels(found, [], {
    inputPrice: picoEuro(1n),
    outputPrice: picoEuro(2n),
    slots,
    maxOutputTokens: 10_000,
  })
  const provider = await Provider.start({
    networkName: NETWORK,
    signer,
    network,
    store,
    models: models.map((offered, i) => {
      const { reproducible, digest } = found[i] ?? {}
      const promise = reproducible && digest ? { engine: reproducible, digest } : undefined
      return { ...offered, engine, reproducible: promise }
    }),
    statistics: new ProviderStatistics({ now: Date.now }),
    country: 'DE',
    minAuthorization: picoEuro(0n),
    unsecuredCredit: picoEuro(10n ** 12n),
    creditWindowMax: picoEuro(10n ** 9n),
    settlement: undefined,
    drainMs: 500,
    statementEveryMs: 0,
    log: pino({ level: 'silent' }),
    now: Date.now,
    onLive: () => live.resolve(),
  })
  await live.promise
  return provider
}
