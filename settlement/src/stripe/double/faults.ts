import type { FaultPlan } from './fault-plan.ts'
import { type Storm, StormFaults } from './storm.ts'

/** What goes wrong on purpose: plans are used once, in the order they were made; then the storm has its turn. */
export class Faults {
  readonly #plans: FaultPlan[] = []
  #storm: StormFaults | undefined

  constructor(storm: Storm | undefined) {
    this.storm(storm)
  }

  add(plan: FaultPlan): void {
    this.#plans.push(plan)
  }

  /** Begins a storm; without one, it ends. */
  storm(storm: Storm | undefined): void {
    this.#storm = storm && new StormFaults(storm)
  }

  take(operation: string): FaultPlan | undefined {
    const index = this.#plans.findIndex((plan) => plan.operation === operation)
    return index < 0 ? this.#storm?.requestFault(operation) : this.#plans.splice(index, 1)[0]
  }

  /** What becomes of a webhook. */
  webhookFate(): WebhookFate {
    return this.#storm?.webhookFate() ?? {}
  }
}

export interface WebhookFate {
  /** Never sent: only the list of events tells. */
  readonly lost?: boolean
  readonly twice?: boolean
  /** Behind this many that come after it. */
  readonly behind?: number
  /** Not before this much of the double's clock has passed. */
  readonly delayMs?: number
  /** Its first attempt is signed with a time this far back. */
  readonly staleMs?: number
}
