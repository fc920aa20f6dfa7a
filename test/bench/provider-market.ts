import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  Authorizer,
  BUILT_IN_NAME,
  Consumer,
  loadOrCreateIdentity,
  type Network,
  NodeStore,
  OfferDirectory,
  openNetwork,
  seedOf,
} from '@hanse/node'
import { picoEuro, type Signer, signerOf } from '@hanse/protocol'
import { ENGINE_PROCESS } from '@hanse/simulations/lab'
import { Child } from '../../scripts/demo/child.ts'

const HANSE = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const NETWORK = 'bench'

export const STUB_MODEL = 'stub-model'
export const SLOTS = 16
/** Of the built-in engine’s contexts: small, as there are as many as slots. */
export const CONTEXT_TOKENS = 512
const LISTED_MS = 60_000
/** Between two looks for an offer. */
const LOOK_MS = 5

export type ProviderKind = 'http' | 'built-in'

export interface StartTimes {
  /** From the start of the process until it takes sessions, ms. */
  readonly ready: number
  /** Until the DHT has been told. */
  readonly live: number
  /** Until another node has found the offer in the DHT and fetched it from the provider. */
  readonly found: number
}

/** An engine, a relay and providers, each a process of its own; the consumer is in this one. */
export class ProviderMarket implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #folder = mkdtempSync(join(tmpdir(), 'hanse-bench-'))
  #relayAddress = ''
  #started = 0
  engineUrl = ''
  signer!: Signer
  network!: Network

  private constructor() {
    this.#stack.defer(() => rmSync(this.#folder, { recursive: true, force: true }))
  }

  static async start(): Promise<ProviderMarket> {
    const market = new ProviderMarket()
    try {
      await market.#start()
      return market
    } catch (error) {
      await market[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  /** A provider that sells one model under a name of its own, and when it was on the market. */
  async startProvider(kind: ProviderKind): Promise<{
    readonly child: Child
    readonly model: string
    readonly times: StartTimes
  }> {
    const name = `${kind}-${++this.#started}`
    const model = `bench/${name}`
    const engine =
      kind === 'http'
        ? [
            '--engine',
            'openai',
            '--engine-url',
            this.engineUrl,
            '--models',
            `${model}=${STUB_MODEL}`,
          ]
        : ['--engine', 'builtin', '--models', `${model}=${BUILT_IN_NAME}`]
    const started = performance.now()
    const credit = ['--unsecured-credit', '1000', '--slots', String(SLOTS)]
    const child = this.#hanse(name, 'provider', [
      '--bootstrap',
      this.#relayAddress,
      '--country',
      'DE',
      ...engine,
      ...credit,
      '--context-length',
      String(CONTEXT_TOKENS),
      '--input-price',
      '0.05',
      '--output-price',
      '0.2',
    ])
    const since = () => performance.now() - started
    const [ready, live, found] = await Promise.all([
      child.event('ready').then(since),
      child.event('live').then(since),
      this.#untilFound(model).then(since),
    ])
    return { child, model, times: { ready, live, found } }
  }

  async stop(child: Child): Promise<void> {
    await child[Symbol.asyncDispose]()
  }

  /** What a gateway has inside. */
  consumer(): Consumer {
    const { network, signer } = this
    const context = { network: NETWORK, signer }
    const store = this.#stack.use(new NodeStore(join(this.#folder, 'consumer.db')))
    return new Consumer({
      networkName: NETWORK,
      signer,
      network,
      store,
      directory: new OfferDirectory({ network, context, now: Date.now }),
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
        receiptEvery: 256n,
        creditWindowMax: picoEuro(10n ** 12n),
        deadlineMs: 120_000,
        keepRequests: false,
      },
      now: Date.now,
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
    })
  }

  async #start(): Promise<void> {
    const engine = this.#spawn('engine', [ENGINE_PROCESS, STUB_MODEL])
    const relay = this.#hanse('relay', 'relay', [])
    const [{ url }, { addresses }] = await Promise.all([
      engine.event('ready'),
      relay.event('ready'),
    ])
    this.engineUrl = String(url)
    this.#relayAddress = String(Array.isArray(addresses) ? addresses[0] : '')
    const privateKey = await loadOrCreateIdentity(join(this.#folder, 'consumer.key'))
    this.signer = signerOf(seedOf(privateKey))
    this.network = this.#stack.use(
      await openNetwork({
        privateKey,
        listen: [],
        lan: true,
        dhtClient: true,
        validateRecord: async () => {},
        selectRecord: () => 0,
      }),
    )
    this.network.keepConnected([this.#relayAddress])
    await this.network.whenConnected(AbortSignal.timeout(LISTED_MS))
  }

  /** Looks again and again, each time as if for the first time. */
  async #untilFound(model: string): Promise<void> {
    for (const until = performance.now() + LISTED_MS; performance.now() < until; ) {
      const { network } = this
      const directory = new OfferDirectory({
        network,
        context: { network: NETWORK },
        now: Date.now,
      })
      if ((await directory.find(model, ['*'])).length > 0) return
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    throw new Error(`nobody finds ${model}`)
  }

  #hanse(name: string, command: string, args: readonly string[]): Child {
    const dataDir = join(this.#folder, name)
    const common = ['--json', '--network', NETWORK, '--data-dir', dataDir]
    return this.#spawn(name, [HANSE, command, ...common, ...args])
  }

  #spawn(name: string, args: readonly string[]): Child {
    const logPath = join(this.#folder, 'logs', `${name}.log`)
    return this.#stack.use(new Child(name, args, { cwd: this.#folder, logPath }))
  }
}
