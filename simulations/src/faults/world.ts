import { Kernel, Network } from '../kernel/index.ts'
import type { Cheat } from './cheats.ts'
import { Collusions } from './collusion.ts'
import { ConsumerNode } from './consumer-node.ts'
import { Monitor } from './monitor.ts'
import { ProviderNode } from './provider-node.ts'
import {
  drawScenario,
  drawStreamFaults,
  type EnginePlan,
  EPOCH,
  HEAL_MS,
  HORIZON_MS,
  type Scenario,
  type TaskPlan,
} from './scenario.ts'
import type { DueSubmission, SignedAuthorization } from './session-store.ts'
import { Settlement } from './settlement.ts'

/** One seed's world: who lives in it, the network between them, and who watches. */
export class World {
  readonly epoch = EPOCH
  readonly kernel: Kernel
  readonly scenario: Scenario
  readonly network: Network
  readonly monitor: Monitor
  readonly settlement: Settlement
  readonly providers: readonly ProviderNode[]
  readonly consumers: readonly ConsumerNode[]
  /** What travelled to settlement: thieves use it again. */
  readonly seen: DueSubmission[] = []
  readonly authorizations: SignedAuthorization[] = []
  readonly #prompts = new Map<string, EnginePlan>()

  constructor(seed: string, focus?: Cheat) {
    this.kernel = new Kernel(seed)
    this.scenario = drawScenario(this.kernel.random.fork('scenario'), focus)
    const { quality, partitions, streamFaults } = this.scenario
    this.network = new Network(this.kernel, {
      quality,
      partitions,
      faults: (random) => drawStreamFaults(random, streamFaults),
    })
    this.monitor = new Monitor(this.scenario)
    this.settlement = new Settlement(this)
    this.monitor.watch(() => this.settlement.disk.state)
    this.providers = this.scenario.providers.map((plan) => new ProviderNode(this, plan))
    this.consumers = this.scenario.consumers.map((plan) => new ConsumerNode(this, plan))
    for (const [i, task] of this.scenario.tasks.entries()) this.#plan(i, task)
    new Collusions(this).plan()
    this.kernel.at(HEAL_MS, () => this.#heal())
  }

  /** Runs to the end. @throws {InvariantViolation} */
  async run(): Promise<void> {
    await this.kernel.runAllUntil(HORIZON_MS)
    const waiting = [...this.providers, ...this.consumers].filter(
      ({ plan, store }) => plan.cheat === undefined && store.nextAttempt() !== undefined,
    ).length
    this.monitor.money(this.settlement.disk.state)
    const unlogged = this.settlement.unlogged()
    if (unlogged > 0) this.monitor.fail('log', `${unlogged} settled receipts are not in the log`)
    this.monitor.quiet(this.settlement.disk.state, waiting)
  }

  /** What the engine makes of a prompt. */
  engineFor(prompt: Uint8Array): EnginePlan {
    const plan = this.#prompts.get(new TextDecoder().decode(prompt))
    if (plan === undefined) throw new Error('a prompt that nobody wrote')
    return plan
  }

  #plan(i: number, task: TaskPlan): void {
    const text = `{"task":${i},"text":"${'x'.repeat(task.promptBytes)}"}`
    this.#prompts.set(text, task.engine)
    const prompt = new TextEncoder().encode(text)
    this.kernel.at(task.at, () => {
      const provider = this.providers[task.provider]
      const consumer = this.consumers[task.consumer]
      if (provider === undefined || consumer === undefined) return
      // Who wants to spend twice asks several times at once.
      const times = consumer.plan.cheat === 'double-spend' ? 5 : 1
      for (let time = 0; time < times; time++) {
        this.kernel.after(time * 5, () => consumer.ask(task, prompt, provider))
      }
    })
  }

  #heal(): void {
    this.kernel.log('world', 'heals')
    this.network.heal()
    for (const { host } of [...this.providers, ...this.consumers]) host.spareCrashes()
    for (const host of this.settlement.hosts) host.spareCrashes()
  }
}
