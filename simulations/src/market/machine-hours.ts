import type { Kernel } from '../kernel/index.ts'
import type { Account } from './account.ts'
import type { ProviderPlan } from './plan.ts'

const HOUR_MS = 3_600_000
/** One answer draws so much of what a full machine does. */
const FIRST_ANSWER_SHARE = 0.7
/** What a smaller model is faster, and what it saves of the power. */
export const WEAK_SPEED = 3

/** What a machine costs while it is open, and how busy it is. */
export class MachineHours {
  readonly #plan: ProviderPlan
  readonly #account: Account
  readonly #kernel: Kernel
  #busy = 0
  #busySince = 0

  constructor(plan: ProviderPlan, account: Account, kernel: Kernel) {
    this.#plan = plan
    this.#account = account
    this.#kernel = kernel
  }

  /** A slot is taken, or comes free. */
  turn(by: 1 | -1): void {
    const { now } = this.#kernel
    this.#account.busySlotMs += this.#busy * (now - this.#busySince)
    this.#busySince = now
    this.#busy += by
  }

  /** Counts what the last `ms` have cost. */
  tally(ms: number, isOpen: boolean): void {
    if (!isOpen && this.#busy === 0) return
    const { facts, cheat } = this.#plan
    const hours = ms / HOUR_MS
    if (isOpen) {
      this.#account.openMs += ms
      this.#account.rent += facts.rent * hours
      this.#account.hardware += facts.hardware * hours
    }
    const more = (1 - FIRST_ANSWER_SHARE) * (this.#busy / facts.slots)
    const share = this.#busy === 0 ? 0 : FIRST_ANSWER_SHARE + more
    const weak = cheat === 'weak-model' ? 1 / WEAK_SPEED : 1
    const watts = facts.idleWatts + share * weak * (facts.watts - facts.idleWatts)
    this.#account.power += (watts / 1_000) * hours * Number(facts.tariff)
  }
}
