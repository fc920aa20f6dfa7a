import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ENGINE_PROCESS } from '@hanse/simulations/lab'
import { Child } from '../../../scripts/demo/child.ts'
import { LoadClient } from '../load-client.ts'
import type { Watched } from '../process-use.ts'
import type { Side } from '../sides.ts'
import { EngineChats } from './engine-chats.ts'
import { type Market, startMarket } from './market.ts'

const PIPE = fileURLToPath(new URL('./pipe-process.ts', import.meta.url))
const PORTKEY = fileURLToPath(new URL('./portkey-process.ts', import.meta.url))
const MODEL = 'stub-model'

/** In the order in which they are shown; ratios are over the first. */
export const SIDE_NAMES = ['direct', 'pipe', 'pipes', 'hanse', 'portkey'] as const
export type SideName = (typeof SIDE_NAMES)[number]

/** What the scenarios ask: a client of the side, and the engine's word on its chats. */
export interface Target {
  readonly client: LoadClient
  readonly engine: EngineChats
}

export interface GatewaySide extends Side<Target> {
  readonly name: SideName
  /** The processes between client and engine. */
  readonly proxies: readonly Watched[]
}

export interface RigOptions {
  readonly sides: readonly SideName[]
  /** How many tokens the engine puts into one chunk of HTTP. */
  readonly tokensPerChunk: number
  /** Provider and gateway leave their CPU profiles there when they end. */
  readonly cpuProfDir?: string
}

/** The engine and all sides in front of it, each part a process of its own. */
export class Rig implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly folder = mkdtempSync(join(tmpdir(), 'hanse-bench-'))
  readonly sides: GatewaySide[] = []
  engineUrl = ''
  market: Market | undefined

  private constructor() {
    this.#stack.defer(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  static async start(options: RigOptions): Promise<Rig> {
    const rig = new Rig()
    const interrupted = (): void => {
      void rig[Symbol.asyncDispose]().finally(() => process.exit(130))
    }
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
    rig.#stack.defer(() => void process.off('SIGINT', interrupted).off('SIGTERM', interrupted))
    try {
      await rig.#start(options)
      return rig
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  spawn(name: string, args: readonly string[]): Child {
    const logPath = join(this.folder, 'logs', `${name}.log`)
    return this.#stack.use(new Child(name, args, { cwd: this.folder, logPath }))
  }

  async #start({ sides, tokensPerChunk, cpuProfDir }: RigOptions): Promise<void> {
    const written = ['--tokens-per-chunk', String(tokensPerChunk)]
    const engine = this.spawn('engine', [ENGINE_PROCESS, MODEL, ...written])
    this.engineUrl = String((await engine.event('ready')).url)
    const chats = new EngineChats(engine)
    for (const name of SIDE_NAMES.filter((each) => sides.includes(each))) {
      const { url, proxies, headers } = await this.#startSide(name, cpuProfDir)
      const client = new LoadClient(url, MODEL, headers)
      this.#stack.defer(() => client.close())
      const watched = [...proxies.map(watchedOf), watchedOf(engine), CLIENT]
      this.sides.push({
        name,
        target: { client, engine: chats },
        watched,
        proxies: proxies.map(watchedOf),
      })
    }
  }

  async #startSide(name: SideName, cpuProfDir: string | undefined): Promise<Started> {
    switch (name) {
      case 'direct':
        return { url: this.engineUrl, proxies: [] }
      case 'pipe':
        return await this.#pipe(name, this.engineUrl)
      case 'pipes': {
        const inner = await this.#pipe('inner pipe', this.engineUrl)
        const outer = await this.#pipe('outer pipe', inner.url)
        return { url: outer.url, proxies: [...outer.proxies, ...inner.proxies] }
      }
      case 'hanse': {
        this.market = await startMarket(this, cpuProfDir && resolve(cpuProfDir))
        const { url, gateway, provider } = this.market
        return { url, proxies: [gateway, provider] }
      }
      case 'portkey':
        return await this.#portkey()
    }
  }

  async #pipe(name: string, engineUrl: string): Promise<Started> {
    const pipe = this.spawn(name, [PIPE, engineUrl])
    return { url: String((await pipe.event('ready')).url), proxies: [pipe] }
  }

  async #portkey(): Promise<Started> {
    const portkey = this.spawn('portkey', [PORTKEY])
    const headers = {
      authorization: 'Bearer none',
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': this.engineUrl,
    }
    return { url: String((await portkey.event('ready')).url), proxies: [portkey], headers }
  }
}

interface Started {
  readonly url: string
  /** From the client to the engine. */
  readonly proxies: readonly Child[]
  readonly headers?: Readonly<Record<string, string>>
}

/** This process: it asks, and counts what comes. */
const CLIENT: Watched = { name: 'client', pid: process.pid }

function watchedOf({ name, pid }: Child): Watched {
  if (pid === undefined) throw new Error(`${name} has no process`)
  return { name, pid }
}
