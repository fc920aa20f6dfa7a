import { type EngineStub, startEngineStub } from '@hanse/simulations/lab'
import fastify from 'fastify'
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
    const { networkName, bootstrap } = market
    const settlementUrl = await settlementOf(market, stack)
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

/** A settlement service as far as a market page asks it: who it is, and what its attestations cite. Nobody is signed in. */
async function settlementOf(market: PaperMarket, stack: AsyncDisposableStack): Promise<string> {
  const app = fastify({ forceCloseConnections: true })
  stack.defer(() => app.close())
  app.addHook('onSend', async ({ headers }, reply) => {
    reply.header('access-control-allow-origin', headers.origin ?? '*')
    reply.header('access-control-allow-credentials', 'true')
    reply.header('access-control-allow-headers', headers['access-control-request-headers'] ?? '')
  })
  app.options('/*', async (_request, reply) => reply.code(204).send())
  const { attestor, networkName: network, pings } = market
  app.get('/v1/identity', async () => ({ peerId: attestor.peerId, network }))
  app.get<{ Params: { peerId: string } }>('/v1/providers/:peerId/pings', async ({ params }) => ({
    pings: (pings.get(params.peerId) ?? []).map(({ bytes, signatures }) => ({
      bytes: Buffer.from(bytes).toString('base64'),
      signatures: signatures.map((one) => ({
        ...one,
        signature: Buffer.from(one.signature).toString('base64'),
      })),
    })),
  }))
  app.get<{ Params: { peerId: string } }>('/v1/providers/:peerId/trader', async ({ params }) => ({
    peerId: params.peerId,
    kind: 'private',
    trader: null,
    state: 'declared',
  }))
  app.get('/v1/service-levels/measurements', async (_request, reply) =>
    reply.code(401).send({ code: 'HANSE_UNAUTHENTICATED', detail: 'nobody is signed in' }),
  )
  return await app.listen({ host: '127.0.0.1', port: 0 })
}
