import type { REPROVIDE } from './production-rules.ts'

/** How long holders keep provider records, and when a provider tells them again. */
export type RecordRules = typeof REPROVIDE

/** The provider records of one key, as their holders have them: in memory, so a holder that goes forgets. */
export class Records {
  readonly #rules: RecordRules
  /** Since when a peer is there, milliseconds. */
  readonly #since: Float64Array
  readonly #holders = new Map<number, Map<number, number>>()

  constructor(rules: RecordRules, since: Float64Array) {
    this.#rules = rules
    this.#since = since
  }

  store(holder: number, provider: number, now: number): void {
    const held = this.#holders.get(holder) ?? new Map<number, number>()
    held.set(provider, now)
    this.#holders.set(holder, held)
  }

  /** Providers that a holder names now, in the order in which it first heard of them. */
  at(holder: number, now: number): readonly number[] {
    const held = this.#holders.get(holder)
    if (held === undefined) return []
    for (const [provider, storedAt] of held)
      if (storedAt < (this.#since[holder] as number) || this.#sweptAt(holder, storedAt) <= now)
        held.delete(provider)
    return [...held.keys()]
  }

  /** Records are not looked at when they are read: the first sweep after they have expired deletes them (`reprovider.ts`). */
  #sweptAt(holder: number, storedAt: number): number {
    const { validity, interval } = this.#rules
    const since = this.#since[holder] as number
    return since + Math.ceil((storedAt + validity - since) / interval) * interval
  }
}
