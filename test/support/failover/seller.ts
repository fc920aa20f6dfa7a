import { join } from 'node:path'
import {
  loadOrCreateIdentity,
  type Network,
  NodeStore,
  OpenAiEngine,
  offeredModels,
  openNetwork,
  openOfferValue,
  Provider,
  ProviderStatistics,
  seedOf,
  selectNewestOffer,
} from '@hanse/node'
import { picoEuro, type Signer, signerOf } from '@hanse/protocol'
import { fastify } from 'fastify'
import type { EngineDouble } from '../engine-double.ts'
import { startVllmDouble } from '../vllm-double.ts'

export const NETWORK = 'failover'
export const MODEL = 'double/vllm-1b'
export const PRICES = { inputPrice: picoEuro(3n), outputPrice: picoEuro(20n) }

export interface Peer {
  readonly signer: Signer
  readonly network: Network
}

/** A peer on loopback whose key is kept in a folder. */
export async function openPeer(folder: string): Promise<Peer> {
  const privateKey = await loadOrCreateIdentity(join(folder, 'identity.key'))
  const network = await openNetwork({
    privateKey,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    lan: true,
    dhtClient: false,
    validateRecord: async (key, value) => {
      openOfferValue({ network: NETWORK }, key, value, Date.now())
    },
    selectRecord: (_key, values) => selectNewestOffer(values),
  })
  return { signer: signerOf(seedOf(privateKey)), network }
}

export interface AnswerPlan {
  /** Of every answer. */
  readonly tokens: number
  readonly tokensPerSecond: number
}

/** A provider in this process, over real libp2p, with an engine of its own over HTTP. */
export class Seller implements AsyncDisposable {
  readonly engine: EngineDouble
  readonly store = new NodeStore(':memory:')
  readonly #folder: string
  readonly #bootstrap: readonly string[]
  #running: AsyncDisposableStack | undefined
  #provider: Provider | undefined
  #peerId = ''

  private constructor(folder: string, engine: EngineDouble, bootstrap: readonly string[]) {
    this.#folder = folder
    this.#bootstrap = bootstrap
    this.engine = engine
  }

  /** @param folder for its key */
  static async start(
    folder: string,
    bootstrap: readonly string[],
    plan: AnswerPlan,
  ): Promise<Seller> {
    const seller = new Seller(folder, await startVllmDouble(plan), bootstrap)
    await seller.#start()
    return seller
  }

  get peerId(): string {
    return this.#peerId
  }

  /** Comes back with the same key, after `drain`. */
  async restart(): Promise<void> {
    await this.#running?.disposeAsync()
    await this.#start()
  }

  /** Stops at once: what runs is cut, with a receipt. */
  async drain(): Promise<void> {
    await this.#provider?.drain()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.disposeAsync()
    await this.engine.close()
    this.store[Symbol.dispose]()
  }

  async #start(): Promise<void> {
    await using stack = new AsyncDisposableStack()
    const { signer, network } = await openPeer(this.#folder)
    stack.use(network)
    this.#peerId = signer.peerId
    network.keepConnected(this.#bootstrap)
    const engine = new OpenAiEngine({ baseUrl: `${this.engine.url}/v1`, program: 'vllm' })
    stack.use(engine)
    const terms = { ...PRICES, slots: 4, maxOutputTokens: 4_096 }
    const models = offeredModels(await engine.models(), [], terms)
    const live = Promise.withResolvers<void>()
    this.#provider = stack.use(
      await Provider.start({
        networkName: NETWORK,
        signer,
        network,
        store: this.store,
        models: models.map((offered) => ({ ...offered, engine })),
        statistics: new ProviderStatistics({ now: Date.now }),
        country: 'DE',
        minAuthorization: picoEuro(0n),
        unsecuredCredit: picoEuro(10n ** 12n),
        creditWindowMax: picoEuro(10n ** 9n),
        settlement: undefined,
        drainMs: 0,
        statementEveryMs: 0,
        log: fastify({ logger: false }).log,
        now: Date.now,
        onLive: () => live.resolve(),
      }),
    )
    await live.promise
    this.#running = stack.move()
  }
}
