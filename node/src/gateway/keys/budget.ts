import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { type Period, type Span, spanOf, type Window } from './period.ts'

export interface BudgetTerms {
  /** Without one nothing is refused, and nothing has to be added up. */
  readonly limit: PicoEuro | null
  readonly period: Period | Window
}

/** What an order may cost at most, set aside until its session has ended. */
export interface Hold {
  readonly most: PicoEuro
  /** The period that it counts in is the one that this lies in, ms since 1970. */
  readonly at: number
  /** By its receipts so far, pico-euro. */
  readonly cost: () => bigint
}

export interface BudgetState extends BudgetTerms {
  readonly span: Span
  /** By receipts of sessions that have ended. */
  readonly spent: PicoEuro
  /** For sessions that run. */
  readonly reserved: PicoEuro
}

/** `exhausted`: it does not fit before the period ends. `reserved`: it may, once what runs has ended for less than it may. */
export type BudgetRefusal = 'exhausted' | 'reserved'

/**
 * A hard stop: spent and reserved together never pass the limit, whatever order requests begin and end in. Nothing waits
 * between looking and setting aside, so no two requests can be given the same money.
 */
export class Budget {
  #terms: BudgetTerms
  #span: Span
  #spent: bigint
  #reserved = 0n
  readonly #holds = new Set<Hold>()
  readonly #derive: (span: Span, period: Period | Window) => bigint

  /** @param derive what receipts since the beginning of a period come to, pico-euro */
  constructor(
    terms: BudgetTerms,
    derive: (span: Span, period: Period | Window) => bigint,
    now: number,
  ) {
    this.#terms = terms
    this.#derive = derive
    this.#span = spanOf(terms.period, now)
    this.#spent = terms.limit === null ? 0n : derive(this.#span, terms.period)
  }

  state(now: number): BudgetState {
    this.#roll(now)
    const isCounted = this.#terms.limit !== null
    return {
      ...this.#terms,
      span: this.#span,
      spent: picoEuro(isCounted ? this.#spent : this.#derive(this.#span, this.#terms.period)),
      reserved: picoEuro(this.#reserved),
    }
  }

  /** Why an order that costs `most` at most must not be made now; `undefined` when it may. */
  refusal(most: PicoEuro, now: number): BudgetRefusal | undefined {
    this.#roll(now)
    if (this.#terms.limit === null) return undefined
    const left = this.#terms.limit - this.#spent
    // Without this a key whose money is gone could go on with offers that cost nothing.
    if (left <= 0n || most > left) return 'exhausted'
    return most > left - this.#reserved ? 'reserved' : undefined
  }

  /** The beginning of what is counted now: a clock that was set back does not lead out of the period. */
  notBefore(now: number): number {
    this.#roll(now)
    return this.#span.from
  }

  hold(hold: Hold): void {
    this.#holds.add(hold)
    if (this.#counts(hold)) this.#reserved += hold.most
  }

  /** The session has ended; from now on its receipts count, and nothing is reserved for it. */
  settle(hold: Hold): void {
    // First, for reading the cost may fail, and then what was reserved stays so.
    const cost = this.#terms.limit === null ? 0n : hold.cost()
    if (!this.#holds.delete(hold) || !this.#counts(hold)) return
    this.#reserved -= hold.most
    this.#spent += cost
  }

  /** From now on another limit counts, or another period. */
  change(terms: BudgetTerms, now: number): void {
    const before = this.#terms
    this.#terms = terms
    const isCounted = before.limit !== null && nameOf(before.period) === nameOf(terms.period)
    if (isCounted) this.#roll(now)
    else this.#begin(spanOf(terms.period, now))
  }

  /** Compares what was counted with what the receipts come to. */
  check(now: number): { readonly counted: PicoEuro; readonly derived: PicoEuro } {
    this.#roll(now)
    const derived = picoEuro(this.#derive(this.#span, this.#terms.period))
    if (this.#terms.limit === null) return { counted: derived, derived }
    const running = [...this.#holds]
      .filter((hold) => this.#counts(hold))
      .reduce((sum, { cost }) => sum + cost(), 0n)
    return { counted: picoEuro(this.#spent + running), derived }
  }

  #counts({ at }: Hold): boolean {
    return at >= this.#span.from && at < this.#span.to
  }

  #roll(now: number): void {
    if (now >= this.#span.to) this.#begin(spanOf(this.#terms.period, now))
  }

  /** Sessions that run count with what is reserved for them, so what they came to so far does not. */
  #begin(span: Span): void {
    const { limit, period } = this.#terms
    this.#span = span
    this.#spent = limit === null ? 0n : this.#derive(span, period)
    this.#reserved = 0n
    for (const hold of this.#holds) {
      if (!this.#counts(hold)) continue
      this.#reserved += hold.most
      if (limit !== null) this.#spent -= hold.cost()
    }
  }
}

const nameOf = (period: Period | Window): string =>
  typeof period === 'object' ? period.name : period
