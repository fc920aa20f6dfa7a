import fastify from 'fastify'
import { type EngineStub, startEngineStub } from '../support/engine-stub.ts'
import { NatLab } from '../support/nat-lab.ts'
import { PaperMarket, type PaperProvider } from './paper-market.ts'
import { Site } from './site.ts'

const WEB_SOCKET = '/ip4/127.0.0.1/tcp/0/ws'

/** The site on a market of paper offers, with the attestor whose word counts there. */
export class MarketSite implements AsyncDisposable {
  readonly site: Site
  readonly market: PaperMarket
  readonly #stack: AsyncDisposableStack

  private constructor(site: Site, market: PaperMarket, stack: AsyncDisposableStack) {
    this.site = site
    this.market = market
    this.#stack = stack
  }

  static async open(providers: readonly PaperProvider[]): Promise<MarketSite> {
    await using stack = new AsyncDisposableStack()
    const market = stack.use(await PaperMarket.open(providers))
    const { attestor, networkName, bootstrap } = market
    const settlementUrl = await identityOf(attestor.peerId, networkName, stack)
    const network = { name: networkName, bootstrap: [bootstrap] }
    const site = stack.use(await Site.open({ settlementUrl, network }))
    return new MarketSite(site, market, stack.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** The site on a private market of real processes, in which strangers have credit. */
export class PlaygroundSite implements AsyncDisposable {
  readonly site: Site
  readonly lab: NatLab
  readonly engine: EngineStub
  /** Peer ids. */
  readonly providers: readonly string[]
  readonly #stack: AsyncDisposableStack

  private constructor(
    site: Site,
    lab: NatLab,
    engine: EngineStub,
    providers: readonly string[],
    stack: AsyncDisposableStack,
  ) {
    this.site = site
    this.lab = lab
    this.engine = engine
    this.providers = providers
    this.#stack = stack
  }

  static async open(tokensPerSecond: number): Promise<PlaygroundSite> {
    await using stack = new AsyncDisposableStack()
    const engine = stack.use(await startEngineStub({ model: 'slow-model', tokensPerSecond }))
    const lab = stack.use(new NatLab())
    const relay = await lab.relay([WEB_SOCKET])
    const bootstrap = relay.addresses.find((address) => address.includes('/ws/')) ?? ''
    const provider = await lab.provider(bootstrap, engine.url, [
      '--listen',
      WEB_SOCKET,
      '--input-price',
      '1',
      '--output-price',
      '2',
    ])
    const network = { name: 'lab', bootstrap: [bootstrap] }
    const site = stack.use(await Site.open({ network }))
    return new PlaygroundSite(site, lab, engine, [provider.peerId], stack.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** A settlement service as far as a market page asks it: who it is. */
async function identityOf(
  peerId: string,
  network: string,
  stack: AsyncDisposableStack,
): Promise<string> {
  const app = fastify({ forceCloseConnections: true })
  stack.defer(() => app.close())
  app.addHook('onSend', async (_request, reply) => {
    reply.header('access-control-allow-origin', '*')
  })
  app.get('/v1/identity', async () => ({ peerId, network }))
  return await app.listen({ host: '127.0.0.1', port: 0 })
}
