import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { prepareDataDir } from '@hanse/settlement/testing/database'
import type { Child } from '../../../scripts/demo/child.ts'
import { Market } from '../../../scripts/demo/market.ts'
import { ENGINE_PROCESS, PROCESS_PROBE } from '../lab/index.ts'
import type { Kind, MemoryWatch } from './memory.ts'
import { PRICES, RECEIPT_EVERY, TOKENS_PER_SECOND, TOP_UP_CENTS } from './plan.ts'

/** Of the market; the engine calls it by the last part. */
export const MODEL = 'load/stub'
const ENGINE_MODEL = 'stub'
/** One provider takes all streams of the ramp when the others are away. */
const SLOTS = 64

export interface NetworkOptions {
  readonly memory: MemoryWatch
  /** Between two collections in each process, ms: only then is it known what of a heap is live. */
  readonly collectMs: number
  readonly onProgress: (line: string) => void
}

/** Settlement, a relay, an engine, providers and gateways, each a process of its own; all gone when it is disposed of. */
export class LoadNetwork implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hanse-load-'))
  readonly providers: string[] = []
  /** Names of the consumers' gateways, which are their data folders' too, with where they listen. */
  readonly gateways = new Map<string, string>()
  /** Names of all nodes that ever ran, by side: each has a book. */
  readonly ever = { providers: [] as string[], consumers: ['gateway'] }
  readonly complaints: string[] = []
  /** Processes that were started so far; and by id those that run. */
  started = 0
  readonly running = new Set<number>()
  readonly #options: NetworkOptions
  readonly #heard = new WeakSet<Child>()
  readonly #away = new Set<string>()
  #numbered = 0
  /** Peer ids of providers that were killed at least once. */
  readonly killed = new Set<string>()
  #market!: Market

  private constructor(options: NetworkOptions) {
    this.#options = options
    process.once('exit', this.#onExit)
  }

  static async start(options: NetworkOptions): Promise<LoadNetwork> {
    const network = new LoadNetwork(options)
    try {
      await network.#start()
      return network
    } catch (error) {
      await network[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Whatever ends this process, such as a second Ctrl-C: no other process goes on, and no folder stays. */
  readonly #onExit = (): void => this.#abandon()

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    process.off('exit', this.#onExit)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Ends every process, and leaves what they wrote. */
  async stop(): Promise<void> {
    await (this.#market as Market | undefined)?.[Symbol.asyncDispose]()
  }

  #abandon(): void {
    for (const pid of this.running) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It is gone already.
      }
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  get market(): Market {
    return this.#market
  }

  get there(): string[] {
    return this.providers.filter((name) => !this.#away.has(name))
  }

  /** A process that ended without being asked to. */
  get failed(): string | undefined {
    return this.#market.failed?.name
  }

  async addProvider(): Promise<void> {
    const name = `provider-${++this.#numbered}`
    const engine = ['--engine', 'openai', '--engine-url', this.#engineUrl]
    const models = ['--models', `${MODEL}=${ENGINE_MODEL}`, '--slots', String(SLOTS)]
    const adding = this.#market.addProvider({
      name,
      country: 'DE',
      ...PRICES,
      // As long as providers wait who are not being shown to somebody.
      args: [...engine, ...models, '--statement-every-ms', '5000'],
    })
    this.#hear('provider', name)
    this.ever.providers.push(name)
    await adding
    this.providers.push(name)
  }

  async addConsumer(): Promise<void> {
    const name = `consumer-${this.gateways.size + 1}`
    const { url, tenant } = await this.#market.addGateway(name)
    this.ever.consumers.push(name)
    this.#hear('gateway', name)
    await this.#market.operator.topUp(tenant, TOP_UP_CENTS)
    this.gateways.set(name, url)
  }

  /** Ends those beyond so many: they were more than the machine holds. */
  async shrink(providers: number, consumers: number): Promise<void> {
    for (const name of this.providers.splice(providers)) await this.depart(name, 'leave')
    for (const name of [...this.gateways.keys()].slice(consumers)) {
      this.gateways.delete(name)
      await this.depart(name, 'leave')
    }
  }

  /** @throws {Error} when a consumer does not find all providers that are there */
  async untilFound(): Promise<void> {
    for (const url of this.gateways.values()) await this.#market.untilListed(url, this.there.length)
  }

  /** It goes: at once, or after it has finished what runs. */
  async depart(name: string, how: 'kill' | 'leave'): Promise<void> {
    this.#away.add(name)
    const child = this.#market.child(name)
    if (how === 'kill') await child.killed()
    else await child[Symbol.asyncDispose]()
    // One that leaves and takes too long is killed as well.
    const peerId = this.#market.providers.get(name)?.peerId
    if (child.wasKilled && peerId !== undefined) this.killed.add(peerId)
  }

  async comeBack(name: string): Promise<void> {
    const back = this.#market.restart(name)
    this.#hear('provider', name)
    await back
    this.#away.delete(name)
  }

  #engineUrl = ''

  async #start(): Promise<void> {
    const { collectMs, onProgress } = this.#options
    const env = {
      NODE_OPTIONS: `--expose-gc --import ${pathToFileURL(PROCESS_PROBE).href}`,
      HANSE_PROBE_COLLECT_MS: String(collectMs),
      // Not what whoever runs this has set for themselves.
      XDG_CONFIG_HOME: this.folder,
    }
    // A database that was made before: settlement's very first start is not what is looked at here.
    await prepareDataDir(join(this.folder, 'settlement'))
    this.#market = await Market.start({
      stateDir: this.folder,
      providers: [],
      gatewayArgs: ['--receipt-every', String(RECEIPT_EVERY), '--deadline-ms', '30000'],
      detached: true,
      env,
      onProgress,
    })
    this.#hear('settlement', 'settlement')
    this.#hear('relay', 'relay')
    this.#hear('gateway', 'gateway')
    this.gateways.set('gateway', this.#market.gatewayUrl)
    await this.#market.operator.topUp(this.#market.tenant, TOP_UP_CENTS)
    const pace = ['--tokens-per-second', String(TOKENS_PER_SECOND)]
    const engine = this.#market.spawn(
      'engine',
      [ENGINE_PROCESS, ENGINE_MODEL, ...pace],
      env,
      this.folder,
    )
    this.#hear('engine', 'engine')
    this.#engineUrl = String((await engine.event('ready')).url)
  }

  #hear(kind: Kind, name: string): void {
    const child = this.#market.child(name)
    const { pid } = child
    if (pid === undefined || this.#heard.has(child)) return
    this.#heard.add(child)
    this.started++
    this.running.add(pid)
    const { memory } = this.#options
    child.on((event, facts) => {
      memory.hear(kind, pid, event, facts)
      if (event === 'exit') {
        this.running.delete(pid)
        memory.forget(pid)
      }
      if (event === 'warning' || event === 'uncaught')
        this.complaints.push(
          `${name}: ${event}: ${JSON.stringify({ name: facts.name, message: facts.message })}`,
        )
    })
  }
}
