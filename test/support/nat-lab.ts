import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type EngineStub, startEngineStub } from '@hanse/simulations/lab'
import { Child } from '../../scripts/demo/child.ts'
import { freePort } from '../../scripts/demo/ports.ts'

const HANSE = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const STUB = fileURLToPath(new URL('./engine-stub-process.ts', import.meta.url))
const NETWORK = 'lab'
export const MODEL = 'test/slow'

export interface LabPlace {
  /** Runs what follows in another network namespace. */
  readonly under?: readonly string[]
}

/** A private market of real processes, without settlement and evidence, as in a homelab. */
export class NatLab implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly folder = mkdtempSync(join(tmpdir(), 'hanse-nat-'))

  constructor() {
    this.#stack.defer(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  /** An engine that sends `tokensPerSecond`, here or as a process elsewhere. */
  async engine(tokensPerSecond: number, place: LabPlace = {}): Promise<string> {
    if (place.under === undefined) {
      const stub: EngineStub = await startEngineStub({ model: 'slow-model', tokensPerSecond })
      this.#stack.defer(async () => await stub.close())
      return stub.url
    }
    const child = this.#run('engine', [STUB, `${tokensPerSecond}`], place)
    return String((await child.event('ready')).url)
  }

  async relay(listen: readonly string[], args: readonly string[] = [], place: LabPlace = {}) {
    const child = this.#hanse('relay', ['--listen', listen.join(), ...args], place)
    const { addresses } = await child.event('ready')
    return { child, addresses: addresses as string[] }
  }

  /** Ready once its offer is on the market. */
  async provider(
    bootstrap: string,
    engineUrl: string,
    args: readonly string[],
    place: LabPlace = {},
  ) {
    const child = this.#hanse(
      'provider',
      [
        ...flags({ bootstrap, country: 'DE', 'unsecured-credit': '1', 'eu-audit': 'false' }),
        ...flags({ engine: 'openai', 'engine-url': engineUrl, models: `${MODEL}=slow-model` }),
        ...flags({ 'max-output-tokens': '1000000' }),
        ...args,
      ],
      place,
    )
    const { peerId } = await child.event('ready')
    await child.event('live')
    return { child, peerId: String(peerId) }
  }

  /** With the built-in engine and its own small model. @returns its peer id, once its offer is on the market */
  async smallProvider(
    name: `provider-${string}`,
    bootstrap: string,
    args: readonly string[] = [],
  ): Promise<string> {
    const terms = { country: 'DE', 'unsecured-credit': '1', 'eu-audit': 'false', engine: 'builtin' }
    const child = this.#hanse(name, [...flags({ bootstrap, ...terms }), ...args], {})
    const { peerId } = await child.event('ready')
    await child.event('live')
    return String(peerId)
  }

  async gateway(bootstrap: string, place: LabPlace = {}): Promise<string> {
    return (await this.startGateway(bootstrap, [], place)).url
  }

  async startGateway(bootstrap: string, args: readonly string[], place: LabPlace = {}) {
    const port = `${await freePort(0)}`
    const terms = { 'eu-audit': 'false', 'min-level': '0', residency: 'anywhere' }
    const child = this.#hanse('gateway', [...flags({ bootstrap, port, ...terms }), ...args], place)
    const { url, metricsUrl } = await child.event('ready')
    return { child, url: String(url), metricsUrl: String(metricsUrl) }
  }

  /** Runs a script to its first event. */
  async ask(script: string, args: readonly string[], place: LabPlace = {}) {
    return await this.#run('client', [script, ...args], place).event('done')
  }

  #hanse(name: string, args: readonly string[], place: LabPlace): Child {
    const [program = name] = name.split('-')
    const dataDir = join(this.folder, name)
    return this.#run(
      name,
      [HANSE, program, '--json', '--network', NETWORK, '--data-dir', dataDir, ...args],
      place,
    )
  }

  #run(name: string, args: readonly string[], { under = [] }: LabPlace): Child {
    const logPath = join(this.folder, 'logs', `${name}.log`)
    return this.#stack.use(new Child(name, args, { cwd: this.folder, logPath, under }))
  }
}

function flags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])
}
