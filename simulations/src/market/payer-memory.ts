import {
  afterDefault,
  afterPayment,
  HanseError,
  type PayerRecord,
  picoEuro,
  standingOf,
} from '@hanse/protocol'
import type { ConsumerPlan, Rules } from './plan.ts'
import { openingOf, type StreamEnd, type StreamPlan } from './window-stream.ts'

/** Sessions in which one who means to default pays for everything, so that it is trusted. */
const HONEST_SESSIONS = 5
/** Where there are no windows, they are so much wider than what was agreed. */
const UNBOUNDED = 1_000n

/** What a provider knows of those who have paid it, by the rules of nodes, or with one of them broken. */
export class PayerMemory {
  readonly #rules: Rules
  readonly #now: () => number
  readonly #records = new Map<string, PayerRecord>()
  /** Windows that consumers had grown to, where the rule that they start anew is broken. */
  readonly #windows = new Map<string, bigint>()
  readonly #sessions = new Map<string, number>()

  constructor(rules: Rules, now: () => number) {
    this.#rules = rules
    this.#now = now
  }

  /** @returns whether it pays for its prompt first; @throws {HanseError} HANSE_PAYMENT_OVERDUE */
  admit(consumer: string): boolean {
    if (!this.#rules.memory) return false
    const standing = standingOf(this.#records.get(consumer), this.#now())
    if (standing.type !== 'refused') return standing.type === 'prepaid'
    const { retryAfterMs } = standing
    throw new HanseError('HANSE_PAYMENT_OVERDUE', 'left unpaid too often', { retryAfterMs })
  }

  windowsFor(
    consumer: string,
    terms: Parameters<typeof openingOf>[0],
  ): Pick<StreamPlan, 'cap' | 'opening'> {
    const { windows } = this.#rules
    const { cap } = terms
    if (windows === 'none') return { cap: cap * UNBOUNDED, opening: cap * UNBOUNDED }
    const kept = windows === 'kept' ? this.#windows.get(consumer) : undefined
    const opening = openingOf(terms)
    if (kept === undefined || kept <= opening) return { cap, opening }
    return { cap, opening: kept < cap ? kept : cap }
  }

  ended(consumer: string, { window, signed, unsigned, isWithheld }: StreamEnd): void {
    this.#windows.set(consumer, window)
    const before = this.#records.get(consumer)
    const paid = before && afterPayment(before, picoEuro(signed))
    if (isWithheld && unsigned > 0n)
      this.#records.set(consumer, afterDefault(paid, picoEuro(unsigned), this.#now()))
    else if (paid !== undefined) this.#records.set(consumer, paid)
  }

  /** Receipts that a consumer countersigns in its next session. */
  countersignsOf({ name, cheat }: ConsumerPlan): number {
    const before = this.#sessions.get(name) ?? 0
    this.#sessions.set(name, before + 1)
    if (cheat === 'withhold') return 0
    return cheat === undefined || before < HONEST_SESSIONS ? Number.POSITIVE_INFINITY : 0
  }
}
