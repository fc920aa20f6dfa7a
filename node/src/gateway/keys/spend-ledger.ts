import { formatEuro, HanseError, type PicoEuro } from '@hanse/protocol'
import type { Account, Reservation } from '../../consumer/request.ts'
import { monthOf, OWNER, type SpendStore } from '../../store/spend-store.ts'
import { Budget, type BudgetState, type BudgetTerms, type Hold } from './budget.ts'
import type { Period, Span, Window } from './period.ts'

/** Whose money a request costs. */
export interface Payer {
  /** Id of a key, or `owner`. */
  readonly key: string
  /** For messages. */
  readonly name: string
  readonly tags: readonly string[]
  /** Whom the client asks for. */
  readonly user?: string | undefined
  /** What limits the answer, in words: the number that an owner or a client may lower. */
  readonly limitedBy: string
}

/** A budget refuses a request until its period ends: the rest of it does not cover what the answer may cost. */
export interface BudgetStop {
  /** Id of a key; `undefined` for the budget of the whole node. */
  readonly key: string | undefined
  /** When the period began, ms since 1970. */
  readonly from: number
}

export interface SpendLedgerOptions {
  readonly now: () => number
  /** Of the whole node. */
  readonly budget: BudgetTerms | undefined
  /** Once a period. */
  readonly onStop?: (stop: BudgetStop) => void
  /** Of the organization, besides those of this gateway's owner. */
  readonly organization?: OrganizationBudgets | undefined
  /** Keeps whom a session is for, where somebody is told. */
  readonly noteUser?: (session: string, user: string) => void
  /** What an ended session came to could not be read; its worst case stays reserved. */
  readonly onFailure?: (error: unknown) => void
}

/** Budgets that somebody else keeps, and that count for this gateway's requests too. */
export interface OrganizationBudgets {
  /** Whether there is any. */
  readonly isAny: boolean
  /** @throws {HanseError} HANSE_BUDGET_EXHAUSTED, HANSE_BUDGET_RESERVED */
  check(payer: Payer, model: string | undefined, most: PicoEuro, now: number): void
  /** @returns to be called when the session has ended */
  hold(hold: Hold, payer: Payer, model: string | undefined): () => void
}

interface Pot {
  readonly key: string | undefined
  readonly owner: string
  readonly budget: Budget
}

export interface LedgerCheck {
  /** `undefined` for the whole node. */
  readonly key: string | undefined
  readonly counted: PicoEuro
  readonly derived: PicoEuro
}

/** A request that waits for others to end is worth another try this soon; most answers take a few seconds. */
const RETRY_MS = 1_000

/**
 * What each key and the whole node have spent and reserved. Spend is what doubly-signed receipts say: sums are made of them at
 * the start, and go on by what each session came to when it ended.
 */
export class SpendLedger {
  readonly #store: SpendStore
  readonly #options: SpendLedgerOptions
  readonly #node: Budget | undefined
  readonly #keys = new Map<string, Budget>()
  readonly #stopped = new Map<Budget, number>()

  constructor(store: SpendStore, options: SpendLedgerOptions) {
    this.#store = store
    this.#options = options
    this.#node =
      options.budget && new Budget(options.budget, ({ from }) => store.spent(from), options.now())
  }

  /** What a key may spend from now on. */
  setBudget(key: string, terms: BudgetTerms): void {
    const now = this.#options.now()
    const budget = this.#keys.get(key)
    if (budget !== undefined) {
      budget.change(terms, now)
      this.#stopped.delete(budget)
      return
    }
    const derive = ({ from }: Span, period: Period | Window): bigint =>
      this.#store.spentBy(key, from, firstMonth(from, period))
    this.#keys.set(key, new Budget(terms, derive, now))
  }

  state(key: string): BudgetState | undefined {
    return this.#keys.get(key)?.state(this.#options.now())
  }

  nodeState(): BudgetState | undefined {
    return this.#node?.state(this.#options.now())
  }

  /** What pays for a request; nothing for the owner's own where nothing is counted. */
  account(payer: Payer): Account | undefined {
    const { key, name, tags, user } = payer
    const isRuled = this.#options.organization?.isAny === true
    const isBare = tags.length === 0 && user === undefined
    if (key === OWNER && this.#node === undefined && isBare && !isRuled) return undefined
    const own = this.#keys.get(key)
    const pots: Pot[] = []
    if (own !== undefined) pots.push({ key, owner: `key ${name}`, budget: own })
    if (this.#node !== undefined)
      pots.push({ key: undefined, owner: 'this gateway (--budget)', budget: this.#node })
    return { reserve: (most, model) => this.#reserve(pots, payer, most, model) }
  }

  /** Adds everything up again, for all budgets. */
  check(): LedgerCheck[] {
    const now = this.#options.now()
    const keys = [...this.#keys].map(([key, budget]) => ({ key, ...budget.check(now) }))
    return this.#node === undefined ? keys : [...keys, { key: undefined, ...this.#node.check(now) }]
  }

  #reserve(
    pots: readonly Pot[],
    payer: Payer,
    most: PicoEuro,
    model: string | undefined,
  ): Reservation {
    const { key, tags, user, limitedBy } = payer
    const { organization, noteUser } = this.#options
    const now = this.#options.now()
    organization?.check(payer, model, most, now)
    for (const pot of pots) {
      const refusal = pot.budget.refusal(most, now)
      if (refusal !== undefined) throw this.#refuse(pot, refusal, most, limitedBy)
    }
    const at = pots.reduce((time, { budget }) => Math.max(time, budget.notBefore(now)), now)
    const sessions: string[] = []
    const cost = () => sessions.reduce((sum, each) => sum + this.#store.amountOf(each), 0n)
    const hold: Hold = { most, at, cost }
    for (const { budget } of pots) budget.hold(hold)
    const ended = organization?.hold(hold, payer, model)
    let isOpen = true
    return {
      begin: (session) => {
        this.#store.attribute({ session, key, at, tags })
        if (user !== undefined) noteUser?.(session, user)
        sessions.push(session)
      },
      release: () => {
        if (isOpen) this.#settle(pots, hold, ended)
        isOpen = false
      },
    }
  }

  /** Never throws: the session is over either way. */
  #settle(pots: readonly Pot[], hold: Hold, ended: (() => void) | undefined): void {
    try {
      for (const { budget } of pots) budget.settle(hold)
      ended?.()
    } catch (error) {
      this.#options.onFailure?.(error)
    }
  }

  #refuse(
    { key, owner, budget }: Pot,
    refusal: 'exhausted' | 'reserved',
    most: PicoEuro,
    limitedBy: string,
  ): HanseError {
    const { limit, spent, reserved, span, period } = budget.state(this.#options.now())
    const whole = `${formatEuro(limit ?? most)}${typeof period === 'object' || period === 'none' ? '' : ` a ${period}`}`
    const renews = span.to === Infinity ? '' : `; it begins anew at ${isoMinute(span.to)}`
    if (refusal === 'exhausted' && this.#stopped.get(budget) !== span.from) {
      this.#stopped.set(budget, span.from)
      this.#options.onStop?.({ key, from: span.from })
    }
    if (limit !== null && spent >= limit)
      return new HanseError(
        'HANSE_BUDGET_EXHAUSTED',
        `the budget of ${owner}, ${whole}, is used up${renews}`,
      )
    const answer = `this answer may cost up to ${formatEuro(most)} (${limitedBy})`
    if (refusal === 'exhausted')
      return new HanseError(
        'HANSE_BUDGET_EXHAUSTED',
        `${answer}, and ${owner} has spent ${formatEuro(spent)} of ${whole}: lower max_tokens or shorten the prompt${renews}`,
      )
    return new HanseError(
      'HANSE_BUDGET_RESERVED',
      `${answer}, and of ${whole} ${owner} has spent ${formatEuro(spent)} and requests that run hold ${formatEuro(reserved)}`,
      { retryAfterMs: RETRY_MS },
    )
  }
}

/** Days and weeks are never so long ago that their attributions were anonymised. */
function firstMonth(from: number, period: Period | Window): string | undefined {
  return period === 'none' || period === 'month' ? monthOf(from) : undefined
}

function isoMinute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16)}Z`
}
