import type { ConsumerOptions, HanseConsumer } from '@hanse/node/consumer'
import type { Config, PeerNetwork } from '#lib/config.ts'
import { siteConfig } from '#lib/site-config.ts'
import { type Fault, faultOf, known } from './fault.ts'
import { loadNode } from './load-node.ts'

export type Stage =
  | 'idle'
  /** The program is on its way. */
  | 'loading'
  /** No peer is connected, yet or any more; they are dialed again and again. */
  | 'dialing'
  | 'joined'
  | 'failed'

export type NodeTerms = Omit<ConsumerOptions, 'bootstrap' | 'network' | 'connectMs'>

const watchEveryMs = 300
/** A handshake takes under a second on a slow link; after this a visitor wonders. */
const patienceMs = 8_000
/** The settlement's word on locations is worth a short wait, and no more: offers can be read without. */
const attestorMs = 3_000

/** This page as a peer: how far it is with joining, and the consumer once there is one. */
export class PageNode {
  stage = $state<Stage>('idle')
  fault = $state.raw<Fault>()
  peers = $state(0)
  /** No peer for longer than anybody likes to wait. */
  isLate = $state(false)
  isOffline = $state(false)
  network = $state.raw<PeerNetwork>()
  /** Whose word on locations counts: the settlement's, where it answers. */
  attestor = $state<string>()
  consumer = $state.raw<HanseConsumer>()
  module: Awaited<ReturnType<typeof loadNode>> | undefined
  #closing: (() => void) | undefined
  #round = 0

  /** Joins; what goes wrong is in `fault`. What ran before is closed. */
  async open(terms: (site: Config) => NodeTerms = () => ({})): Promise<void> {
    await this.close()
    const round = ++this.#round
    this.fault = undefined
    this.stage = 'loading'
    try {
      const site = await siteConfig().catch(() => undefined)
      if (site === undefined) return this.#fail(known('NO_CONFIG'))
      const { network } = site
      this.network = network
      if (network === undefined) return this.#fail(known('NO_NETWORK'))
      const [module, attestor] = await Promise.all([
        loadNode().catch(() => undefined),
        attestorOf(site),
      ])
      if (round !== this.#round) return
      if (module === undefined) return this.#fail(known('NOT_LOADED'))
      this.module = module
      this.attestor = attestor
      this.stage = 'dialing'
      const consumer = await module.createConsumer({
        residency: [],
        minLevel: 0,
        trust: attestor === undefined ? [] : [attestor],
        ...terms(site),
        bootstrap: network.bootstrap,
        network: network.name,
        connectMs: 0,
      })
      if (round !== this.#round) {
        await consumer.close()
        return
      }
      this.consumer = consumer
      this.#closing = this.#watch(consumer)
    } catch (error) {
      if (round === this.#round) this.#fail(faultOf(error, this.module?.ERRORS))
    }
  }

  /** Ends what runs, signs for what was delivered, and leaves. */
  async close(): Promise<void> {
    this.#round++
    this.#closing?.()
    this.#closing = undefined
    const { consumer } = this
    this.consumer = undefined
    this.peers = 0
    this.stage = 'idle'
    await consumer?.close()
  }

  #fail(fault: Fault): void {
    this.fault = fault
    this.stage = 'failed'
  }

  #watch(consumer: HanseConsumer): () => void {
    let aloneSince = Date.now()
    const look = () => {
      this.peers = consumer.connectionCount
      this.isOffline = !navigator.onLine
      if (this.peers > 0) aloneSince = Date.now()
      this.stage = this.peers > 0 ? 'joined' : 'dialing'
      this.isLate = Date.now() - aloneSince > patienceMs
    }
    look()
    const timer = setInterval(look, watchEveryMs)
    return () => clearInterval(timer)
  }
}

/** The peer id of the site's settlement service, as it tells it itself. */
async function attestorOf({ settlementUrl }: Config): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(attestorMs)
    const response = await fetch(`${settlementUrl}/v1/identity`, { signal })
    const { peerId } = (await response.json()) as { peerId?: unknown }
    return typeof peerId === 'string' ? peerId : undefined
  } catch {
    return undefined
  }
}
