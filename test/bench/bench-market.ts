import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Child } from '../../scripts/demo/child.ts'

const HANSE = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const ENGINE = fileURLToPath(new URL('./engine-process.ts', import.meta.url))
const NETWORK = ['--network', 'bench']

export const MODEL = 'stub-model'

/** More than the widest measurement asks at once: a slot is free again only when its last receipt is back. */
const SLOTS = 256
const LISTED_MS = 30_000

export interface BenchMarketOptions {
  /** Provider and gateway leave their CPU profiles there when they end. */
  readonly cpuProfDir?: string
}

/** An engine, a provider, a relay and a gateway, each a process of its own; without settlement. */
export class BenchMarket implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #stateDir = mkdtempSync(join(tmpdir(), 'hanse-bench-'))
  readonly #cpuProfDir: string | undefined
  readonly processes = new Map<string, Child>()
  /** Base URLs, up to and with `/v1`. */
  engineUrl = ''
  gatewayUrl = ''
  /** Receipts that the gateway has countersigned so far. */
  receipts = 0

  private constructor({ cpuProfDir }: BenchMarketOptions) {
    this.#cpuProfDir = cpuProfDir === undefined ? undefined : resolve(cpuProfDir)
    this.#stack.defer(() => rmSync(this.#stateDir, { recursive: true, force: true }))
  }

  static async start(options: BenchMarketOptions = {}): Promise<BenchMarket> {
    const market = new BenchMarket(options)
    const interrupted = (): void => {
      void market[Symbol.asyncDispose]().finally(() => process.exit(130))
    }
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
    market.#stack.defer(() => void process.off('SIGINT', interrupted).off('SIGTERM', interrupted))
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

  async #start(): Promise<void> {
    const engine = this.#spawn('engine', [ENGINE, MODEL])
    const relay = this.#hanse('relay', [])
    const [{ url }, { addresses }] = await Promise.all([
      engine.event('ready'),
      relay.event('ready'),
    ])
    this.engineUrl = String(url)
    const bootstrap = ['--bootstrap', String((addresses as readonly unknown[])[0])]
    const provider = this.#hanse('provider', [
      ...bootstrap,
      '--engine',
      'openai',
      '--engine-url',
      this.engineUrl,
      '--country',
      'DE',
      '--unsecured-credit',
      '1000',
      '--slots',
      String(SLOTS),
      '--input-price',
      '0.05',
      '--output-price',
      '0.2',
    ])
    const gateway = this.#hanse('gateway', [
      ...bootstrap,
      '--residency',
      'anywhere',
      '--min-level',
      '0',
      '--port',
      '0',
    ])
    gateway.on((event) => {
      if (event === 'receipt') this.receipts++
    })
    const [ready] = await Promise.all([gateway.event('ready'), provider.event('live')])
    this.gatewayUrl = `${String(ready.url)}/v1`
    await this.#untilListed(`${String(ready.url)}/hanse/v1/offers`)
  }

  #hanse(command: string, args: readonly string[]): Child {
    const profiled = this.#cpuProfDir !== undefined && command !== 'relay'
    const profile = profiled
      ? [
          '--cpu-prof',
          `--cpu-prof-dir=${this.#cpuProfDir}`,
          `--cpu-prof-name=${command}.cpuprofile`,
        ]
      : []
    const dataDir = join(this.#stateDir, command)
    return this.#spawn(command, [
      ...profile,
      HANSE,
      command,
      '--json',
      ...NETWORK,
      '--data-dir',
      dataDir,
      ...args,
    ])
  }

  #spawn(name: string, args: readonly string[]): Child {
    const logPath = join(this.#stateDir, 'logs', `${name}.log`)
    const child = this.#stack.use(new Child(name, args, { cwd: this.#stateDir, logPath }))
    this.processes.set(name, child)
    return child
  }

  async #untilListed(offersUrl: string): Promise<void> {
    for (const until = Date.now() + LISTED_MS; Date.now() < until; await sleep(100)) {
      const { candidates } = (await (await fetch(offersUrl)).json()) as { candidates: unknown[] }
      if (candidates.length > 0) return
    }
    throw new Error('the gateway does not see the provider’s offer')
  }
}
