import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ConsumerOptions, createConsumer, type HanseConsumer } from '@hanse/node/consumer'
import { ENGINE_PROCESS } from '@hanse/simulations/lab'
import { Child } from '../../scripts/demo/child.ts'
import { NatLab } from '../support/nat-lab.ts'
import { LoadClient } from './load-client.ts'

const PEERS = fileURLToPath(new URL('./dht-peers-process.ts', import.meta.url))
const PORTKEY = fileURLToPath(new URL('./gateway/portkey-process.ts', import.meta.url))
/** What the provider's engine calls it. */
const ENGINE_MODEL = 'slow-model'
const LISTEN = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws']

/** A relay, peers that keep the DHT, an engine and a provider of it, each a process of its own; consumers come from outside. */
export class ConsumerRig implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #lab = this.#stack.use(new NatLab())
  engineUrl = ''
  /** All of the relay's; a page dials those that end in `/ws`. */
  bootstrap: readonly string[] = []
  relayTcp = ''

  private constructor() {}

  /** @param peers of the DHT, beside relay and provider */
  static async start(peers: number): Promise<ConsumerRig> {
    const rig = new ConsumerRig()
    try {
      await rig.#start(peers)
      return rig
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  /** Another consumer each time: a new key, no connection but to the relay, no offer. */
  async newConsumer(): Promise<HanseConsumer> {
    return await createConsumer(this.consumerOptions([this.relayTcp]))
  }

  consumerOptions(bootstrap: readonly string[]): ConsumerOptions {
    return { bootstrap, network: 'lab', residency: ['EU'], minLevel: 0 }
  }

  /** The engine itself, on a connection of its own. */
  direct(): LoadClient {
    return new LoadClient(this.engineUrl, ENGINE_MODEL)
  }

  /** Portkey's gateway in front of the engine. */
  async portkey(): Promise<() => LoadClient> {
    const portkey = this.#spawn('portkey', [PORTKEY])
    const { url } = await portkey.event('ready')
    const headers = {
      authorization: 'Bearer none',
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': this.engineUrl,
    }
    return () => new LoadClient(String(url), ENGINE_MODEL, headers)
  }

  async #start(peers: number): Promise<void> {
    const engine = this.#spawn('engine', [ENGINE_PROCESS, ENGINE_MODEL])
    const { addresses } = await this.#lab.relay(LISTEN)
    this.bootstrap = addresses
    this.relayTcp = addresses.find((address) => !address.includes('/ws')) ?? ''
    this.engineUrl = String((await engine.event('ready')).url)
    if (peers > 0)
      await this.#spawn('peers', [PEERS, this.relayTcp, '--peers', String(peers)]).event('ready')
    const terms = '--input-price 1 --output-price 2 --slots 64'.split(' ')
    await this.#lab.provider(this.relayTcp, this.engineUrl, ['--listen', LISTEN.join(), ...terms])
  }

  #spawn(name: string, args: readonly string[]): Child {
    const logPath = join(this.#lab.folder, 'logs', `${name}.log`)
    return this.#stack.use(new Child(name, args, { cwd: this.#lab.folder, logPath }))
  }
}
