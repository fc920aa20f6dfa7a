import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient, localControl } from '@hanse/node'
import { PROCESS_PROBE } from '@hanse/simulations/lab'
import { Child } from '../../scripts/demo/child.ts'
import { freePort } from '../../scripts/demo/ports.ts'

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const HANSE = pathOf('../../node/bin/hanse.mjs')
const ENGINE = pathOf('./engine-process.ts')

export const NETWORK = 'soak'
export const DAEMONS = ['relay', 'provider', 'built-in', 'gateway'] as const
export type Daemon = (typeof DAEMONS)[number]
export const PROVIDERS = ['provider', 'built-in'] as const

/** The consumers pay with nothing but their word. */
const CREDIT = ['--unsecured-credit', '1000', '--country', 'DE']

export interface Told {
  readonly daemon: Daemon
  readonly pid: number
  readonly event: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** A relay, an engine, two providers and a gateway, each a process of its own with a probe in it. */
export class SoakMarket implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #listener: (told: Told) => void
  readonly #running = new Map<Daemon, Child>()
  readonly #metrics = new Map<Daemon, string>()
  readonly #models = new Map<Daemon, string>()
  readonly folder = mkdtempSync(join(tmpdir(), 'hanse-soak-'))
  #relayPort = 0
  #restarts = 0
  relayAddress = ''
  engineUrl = ''
  gatewayUrl = ''

  private constructor(listener: (told: Told) => void) {
    this.#listener = listener
    this.#stack.defer(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  /** @param listener hears every line of every daemon, its probe’s too */
  static async start(listener: (told: Told) => void): Promise<SoakMarket> {
    const market = new SoakMarket(listener)
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

  pid(daemon: Daemon): number {
    return this.#running.get(daemon)?.pid ?? 0
  }

  /** Daemons that ended without being asked to. */
  get failed(): Daemon[] {
    return [...this.#running].filter(([, child]) => child.failed).map(([name]) => name)
  }

  modelOf(provider: Daemon): string {
    return this.#models.get(provider) ?? ''
  }

  control(provider: Daemon): ControlClient {
    return new ControlClient(localControl(join(this.folder, provider)))
  }

  /** The value of each metric that has no labels, or the sum over its labels. */
  async metrics(provider: Daemon): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`${this.#metrics.get(provider)}/metrics`)
    const sums = new Map<string, number>()
    for (const line of (await response.text()).split('\n')) {
      const [, name, value] = /^([\w:]+)(?:\{.*\})? (\S+)$/u.exec(line) ?? []
      if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + Number(value))
    }
    return sums
  }

  /** Standard error of all processes so far. */
  logs(): { readonly name: string; readonly text: string }[] {
    const folder = join(this.folder, 'logs')
    if (!existsSync(folder)) return []
    return readdirSync(folder).map((name) => ({
      name,
      text: readFileSync(join(folder, name), 'utf8'),
    }))
  }

  /** Ends the relay, and starts it again with its identity and its port. */
  async restartRelay(): Promise<void> {
    await this.#running.get('relay')?.[Symbol.asyncDispose]()
    await this.#startRelay()
  }

  async #start(): Promise<void> {
    this.#relayPort = await freePort(0)
    const engine = this.#stack.use(
      new Child('engine', [ENGINE, 'double/soak'], this.#options('engine')),
    )
    const [{ url }] = await Promise.all([engine.event('ready'), this.#startRelay()])
    this.engineUrl = String(url)
    const bootstrap = ['--bootstrap', this.relayAddress]
    const provider = [...bootstrap, ...CREDIT, '--metrics-port', '0', '--input-price', '0.05']
    const http = ['--engine', 'openai', '--engine-url', this.engineUrl, '--engine-idle-ms', '3000']
    this.#hanse('provider', 'provider', [...provider, ...http, '--slots', '32'])
    this.#hanse('built-in', 'provider', [...provider, '--engine', 'builtin', '--slots', '4'])
    const gateway = this.#hanse('gateway', 'gateway', [
      ...bootstrap,
      '--residency',
      'anywhere',
      '--min-level',
      '0',
      '--deadline-ms',
      '8000',
      '--lawful-basis',
      'legitimate-interests',
      '--port',
      '0',
    ])
    for (const name of PROVIDERS) {
      const child = this.#running.get(name)
      const { models, metricsUrl } = (await child?.event('ready')) ?? {}
      await child?.event('live')
      this.#models.set(name, String(Array.isArray(models) ? models[0] : ''))
      this.#metrics.set(name, String(metricsUrl))
    }
    this.gatewayUrl = String((await gateway.event('ready')).url)
  }

  async #startRelay(): Promise<void> {
    const relay = this.#hanse('relay', 'relay', [
      '--listen',
      `/ip4/127.0.0.1/tcp/${this.#relayPort}`,
    ])
    const { addresses } = await relay.event('ready')
    this.relayAddress = String((addresses as readonly unknown[])[0])
  }

  #hanse(daemon: Daemon, command: string, args: readonly string[]): Child {
    const node = ['--expose-gc', '--import', PROCESS_PROBE, HANSE]
    const common = ['--json', '--network', NETWORK, '--data-dir', join(this.folder, daemon)]
    const log = this.#running.has(daemon) ? `${daemon}-${++this.#restarts}` : daemon
    const child = this.#stack.use(
      new Child(daemon, [...node, command, ...common, ...args], this.#options(log)),
    )
    const { pid = 0 } = child
    child.on((event, facts) => this.#listener({ daemon, pid, event, facts }))
    this.#running.set(daemon, child)
    return child
  }

  #options(log: string): { readonly cwd: string; readonly logPath: string } {
    return { cwd: this.folder, logPath: join(this.folder, 'logs', `${log}.log`) }
  }
}
