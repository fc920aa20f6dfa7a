import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NodeStore } from '@hanse/node'
import { formatPrice } from '@hanse/protocol'
import { Child } from '../../../scripts/demo/child.ts'
import { freePort } from '../../../scripts/demo/ports.ts'
import type { EngineDouble } from '../engine-double.ts'
import { startVllmDouble } from '../vllm-double.ts'
import { Asker, proveCost, proveWhole } from './asker.ts'
import { proveBundles, proveReceipts, proveSameReceipts } from './proof.ts'
import { type AnswerPlan, MODEL, NETWORK, openPeer, PRICES } from './seller.ts'

const HANSE = fileURLToPath(new URL('../../../node/bin/hanse.mjs', import.meta.url))
const FAILOVER = { max: 3, stallMs: 10_000 }

/** `hanse provider` in a process of its own, which is killed and started again. */
class Daemon {
  readonly dataDir: string
  readonly #args: readonly string[]
  #child: Child
  peerId = ''
  /** On the market. */
  live = false

  constructor(dataDir: string, port: number, engineUrl: string, bootstrap: readonly string[]) {
    this.dataDir = dataDir
    const options = {
      network: NETWORK,
      'data-dir': dataDir,
      listen: `/ip4/127.0.0.1/tcp/${port}`,
      bootstrap: bootstrap.join(','),
      country: 'DE',
      engine: 'openai',
      'engine-url': `${engineUrl}/v1`,
      models: MODEL,
      'input-price': formatPrice(PRICES.inputPrice),
      'output-price': formatPrice(PRICES.outputPrice),
      'unsecured-credit': '1',
    }
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    this.#args = [HANSE, 'provider', '--json', ...flags]
    this.#child = this.#spawn(false)
  }

  async untilLive(): Promise<void> {
    const [{ peerId }] = await Promise.all([this.#child.event('ready'), this.#child.event('live')])
    this.peerId = String(peerId)
    this.live = true
  }

  /** `kill -9`, and a new process. */
  async kill(): Promise<void> {
    this.live = false
    await this.#child.killed()
    this.#child = this.#spawn(true)
  }

  async stop(): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }

  #spawn(appendLog: boolean): Child {
    const logPath = join(this.dataDir, 'daemon.log')
    return new Child('provider', this.#args, { cwd: tmpdir(), logPath, appendLog })
  }
}

/** Three daemons, and somebody who asks them. */
export class DaemonField implements AsyncDisposable {
  readonly asker: Asker
  /** Answers whose last chunk told their cost by the receipts. */
  told = 0
  readonly #daemons: readonly Daemon[]
  readonly #plan: AnswerPlan
  readonly #stack: AsyncDisposableStack
  readonly #returning = new Set<Promise<void>>()
  /** Sessions whose provider was killed while they ran, or as they ended. */
  readonly #killed = new Set<string>()

  private constructor(
    asker: Asker,
    daemons: readonly Daemon[],
    plan: AnswerPlan,
    stack: AsyncDisposableStack,
  ) {
    this.asker = asker
    this.#daemons = daemons
    this.#plan = plan
    this.#stack = stack
  }

  static async open(plan: AnswerPlan): Promise<DaemonField> {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'hanse-failover-'))
    stack.defer(async () => await rm(folder, { recursive: true, force: true }))
    const peer = await openPeer(join(folder, 'asker'))
    stack.use(peer.network)
    const engine: EngineDouble = stack.use(await startVllmDouble(plan))
    const daemons: Daemon[] = []
    for (const name of ['a', 'b', 'c']) {
      const port = await freePort(0)
      const daemon = new Daemon(join(folder, name), port, engine.url, peer.network.addresses())
      stack.defer(async () => await daemon.stop())
      daemons.push(daemon)
    }
    await Promise.all(daemons.map(async (daemon) => await daemon.untilLive()))
    const asker = stack.use(new Asker(peer))
    return new DaemonField(asker, daemons, plan, stack.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#returning)
    await this.#stack.disposeAsync()
  }

  /**
   * Asks for an answer, kills the daemon that gives it, and proves that the client noticed nothing.
   *
   * @param roll throws a die of so many sides, from 0
   */
  async survive(afterTokens: number, roll: (below: number) => number): Promise<void> {
    while (this.#live.length < 2) await Promise.race(this.#returning)
    const live = this.#live
    const victim = live[roll(live.length)]
    assert.ok(victim !== undefined)
    const { tap } = this.asker
    const before = tap.sessions.length
    let killed = false
    const market = live.map(({ peerId }) => peerId)
    const asked = await this.asker.ask([victim.peerId], market, FAILOVER, (tokens, session) => {
      if (killed || tokens < afterTokens) return
      killed = true
      this.#killed.add(session)
      this.#kill(victim)
    })
    assert.ok(killed)
    proveWhole(asked, this.#plan.tokens)
    const bill = await asked.answer.bill
    const outcomes = new Map(bill.sessions.map((outcome) => [outcome.session, outcome]))
    let amount = 0n
    for (const tapped of tap.sessions.slice(before)) {
      const isOurs = this.#daemons.some(({ peerId }) => peerId === tapped.order.provider)
      assert.ok(isOurs, `${tapped.session} is of one of the three`)
      const cut = outcomes.get(tapped.session)?.reason === 'provider-unreachable'
      amount += proveReceipts(this.asker.store, tapped, !cut).amount
    }
    assert.equal(bill.amount, amount, 'the bill is the sum of the last receipts')
    if (await proveCost(asked)) this.told++
    proveBundles(
      this.asker.store,
      asked.answer.parts.map(({ session }) => session),
    )
  }

  /** Stops the daemons, and compares their books with the asker's. @returns how many receipts they lack */
  async closeBooks(): Promise<number> {
    await Promise.all(this.#returning)
    await Promise.all(this.#daemons.map(async (daemon) => await daemon.stop()))
    let lacking = 0
    for (const daemon of this.#daemons) {
      using store = new NodeStore(join(daemon.dataDir, 'node.db'))
      for (const tapped of this.asker.tap.sessions) {
        if (tapped.order.provider !== daemon.peerId) continue
        const killed = this.#killed.has(tapped.session)
        lacking += proveSameReceipts(tapped, this.asker.store, store, killed)
      }
    }
    return lacking
  }

  get #live(): readonly Daemon[] {
    return this.#daemons.filter(({ live }) => live)
  }

  #kill(daemon: Daemon): void {
    const returning = daemon
      .kill()
      .then(async () => await daemon.untilLive())
      .finally(() => this.#returning.delete(returning))
    this.#returning.add(returning)
  }
}
