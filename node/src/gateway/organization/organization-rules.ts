import {
  evaluatePolicy,
  formatEuro,
  type GatewayRules,
  HanseError,
  type PicoEuro,
  type PolicyLimits,
  type PolicyRefusal,
} from '@hanse/protocol'
import { narrowed } from '../../consumer/narrow-policy.ts'
import type { SpendStore } from '../../store/spend-store.ts'
import type { BudgetState, Hold } from '../keys/budget.ts'
import type { OrganizationBudgets, Payer } from '../keys/spend-ledger.ts'
import { type Admission, RefusedAtGate, type RequestFacts } from '../request-gate.ts'
import { ownerText, RuleBudgets, spenderOf } from './rule-budgets.ts'

/** Whose request it is. */
export interface Asker {
  readonly id: string
  readonly name: string
  /** The key's own and the request's. */
  readonly tags: readonly string[]
}

/** What the organization lets a request do, when it lets it in. */
export interface RuledAdmission {
  readonly limits: NonNullable<Admission['limits']>
  readonly maxOutputTokens: number | undefined
  /** When nothing of it runs any more. */
  readonly end: () => void
}

/** Why the last requests were refused, for the owner; never a word of a request. */
export interface RuledRefusal {
  readonly at: number
  readonly code: string
  readonly key: string
  readonly message: string
}

export interface OrganizationRulesOptions {
  readonly store: Pick<SpendStore, 'spentOn'>
  /** The id of a key, with its name. */
  readonly idsOf: (key: string) => readonly string[]
  /** `fail-closed`: nobody is let in while the rules are not known, or for too long nobody said that they still are these. */
  readonly mode: 'on' | 'fail-closed'
  readonly now: () => number
}

/** Half of the time in which somebody who noticed would have called; a long poll comes back ten times within it. */
const FRESH_MS = 5 * 60_000
const REFUSALS_KEPT = 50
/** Most answers take a few seconds. */
const RESERVED_RETRY_MS = 1_000

/** What the organization rules, applied to each request from the moment on in which it is known. */
export class OrganizationRules implements OrganizationBudgets {
  readonly budgets: RuleBudgets
  readonly #options: OrganizationRulesOptions
  readonly #refusals: RuledRefusal[] = []
  #rules: GatewayRules | undefined
  #confirmedAt: number | undefined

  constructor(options: OrganizationRulesOptions) {
    this.#options = options
    this.budgets = new RuleBudgets(options.store, options.idsOf)
  }

  get rules(): GatewayRules | undefined {
    return this.#rules
  }

  /** When settlement last said that these are the rules, ms since 1970. */
  get confirmedAt(): number | undefined {
    return this.#confirmedAt
  }

  /** Newest first. */
  get refusals(): readonly RuledRefusal[] {
    return this.#refusals.toReversed()
  }

  /** @param confirmedAt `undefined` for those that were kept from before a restart */
  change(rules: GatewayRules, confirmedAt: number | undefined): void {
    this.#rules = rules
    this.#confirmedAt = confirmedAt ?? this.#confirmedAt
    this.budgets.change(rules, this.#options.now())
  }

  /** Settlement says that nothing has changed. */
  confirm(at: number): void {
    this.#confirmedAt = at
  }

  /**
   * Judges a request before anybody is asked to answer it.
   *
   * @throws {HanseError} HANSE_POLICY_REFUSED, HANSE_RULES_UNKNOWN, HANSE_BUDGET_EXHAUSTED, HANSE_RATE_LIMITED
   */
  admit(asker: Asker, request: RequestFacts): RuledAdmission {
    try {
      this.#requireRules()
      const limits = this.#judge(asker, request)
      const end = this.#enter(asker, request)
      return { limits: limitsOf(limits), maxOutputTokens: limits?.maxOutputTokens, end }
    } catch (error) {
      this.note(asker.id, error)
      throw error
    }
  }

  get isAny(): boolean {
    return !this.budgets.isEmpty
  }

  check(payer: Payer, model: string | undefined, most: PicoEuro, now: number): void {
    for (const { rule, budget } of this.budgets.of(this.#payer(payer, model), now)) {
      const refused = budget.refusal(most, now)
      if (refused === undefined) continue
      const fault = refusedBy(rule, budget.state(now), refused, { most, now, ...payer })
      this.note(payer.key, fault)
      throw fault
    }
  }

  hold(hold: Hold, payer: Payer, model: string | undefined): () => void {
    const live = this.budgets.hold(hold, this.#payer(payer, model))
    return () => this.budgets.settle(live)
  }

  #payer({ key, name, tags }: Payer, model: string | undefined) {
    return { ...this.#spender({ id: key, name, tags }), model }
  }

  /** Keeps why somebody was refused. */
  note(key: string, error: unknown): void {
    if (!(error instanceof HanseError)) return
    const { code, message } = error
    this.#refusals.push({ at: this.#options.now(), code, key, message })
    if (this.#refusals.length > REFUSALS_KEPT) this.#refusals.shift()
  }

  #requireRules(): void {
    const { mode, now } = this.#options
    if (mode === 'on') return
    const isFresh = this.#confirmedAt !== undefined && now() - this.#confirmedAt < FRESH_MS
    if (this.#rules !== undefined && isFresh) return
    throw new HanseError(
      'HANSE_RULES_UNKNOWN',
      'settlement has not said for five minutes what the organization rules (--rules fail-closed)',
      { retryAfterMs: 1_000 },
    )
  }

  #judge(asker: Asker, request: RequestFacts): PolicyLimits | undefined {
    const rules = this.#rules
    if (rules === undefined || rules.policy === null) return undefined
    const { maxOutputTokens, choices } = request
    const { refusals, limits } = evaluatePolicy(
      rules.policy,
      {
        ...this.#spender(asker),
        models: [request.model, ...request.fallbackModels],
        ...(maxOutputTokens !== undefined && {
          outputTokens: Math.ceil(maxOutputTokens / Math.max(1, choices)),
        }),
        at: this.#options.now(),
      },
      rules.timeZone,
    )
    const [first] = refusals
    if (first !== undefined) throw refusal(first)
    return limits
  }

  /** @throws {HanseError} where a budget slows, or settlement saw that one is used up */
  #enter(asker: Asker, request: RequestFacts): () => void {
    const now = this.#options.now()
    const entered: (() => void)[] = []
    for (const each of this.budgets.of({ ...this.#spender(asker), model: request.model }, now)) {
      const { rule, rate } = each
      const until = this.budgets.stoppedUntil(rule, now)
      try {
        if (until !== undefined)
          throw new HanseError(
            'HANSE_BUDGET_EXHAUSTED',
            `the budget of ${ownerText(rule)} is used up; it begins anew at ${isoMinute(until)}`,
            { retryAfterMs: until - now },
          )
        if (!this.budgets.isSlowed(each, now)) continue
        const refused = rate.enter(0, now)
        if (refused !== undefined)
          throw new RefusedAtGate(
            'HANSE_RATE_LIMITED',
            `the budget of ${ownerText(rule)} is nearly used up: it is slowed down, and there are ${refused.what}`,
            { retryAfterMs: refused.retryAfterMs },
          )
        entered.push(() => rate.leave(0, 0, this.#options.now()))
      } catch (error) {
        for (const leave of entered) leave()
        throw error
      }
    }
    return () => {
      for (const leave of entered.splice(0)) leave()
    }
  }

  #spender({ id, name, tags }: Asker) {
    return spenderOf({ ids: [id, name], tags, teams: this.#rules?.teams ?? [] })
  }
}

function refusedBy(
  rule: GatewayRules['budgets'][number],
  { limit, spent, reserved, span }: BudgetState,
  refused: 'exhausted' | 'reserved',
  { most, now, limitedBy }: { most: PicoEuro; now: number; limitedBy: string },
): HanseError {
  const whole = formatEuro(limit ?? most)
  const answer = `this answer may cost up to ${formatEuro(most)} (${limitedBy})`
  const renews = rule.window.kind === 'fixed' ? '' : `; it begins anew at ${isoMinute(span.to)}`
  if (refused === 'reserved')
    return new HanseError(
      'HANSE_BUDGET_RESERVED',
      `${answer}, and of ${whole} the budget of ${ownerText(rule)} has spent ${formatEuro(spent)} and requests that run hold ${formatEuro(reserved)}`,
      { retryAfterMs: RESERVED_RETRY_MS },
    )
  const isOver = limit !== null && spent >= limit
  return new HanseError(
    'HANSE_BUDGET_EXHAUSTED',
    isOver
      ? `the budget of ${ownerText(rule)} ${whole}, is used up${renews}`
      : `${answer}, and the budget of ${ownerText(rule)} has spent ${formatEuro(spent)} of ${whole}${renews}`,
    { retryAfterMs: span.to - now },
  )
}

function isoMinute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16)}Z`
}

function refusal({ message }: PolicyRefusal): HanseError {
  return new HanseError('HANSE_POLICY_REFUSED', message)
}

/** Every list of regions counts. @throws {HanseError} HANSE_POLICY_RESIDENCY when there is no place in all of them */
function limitsOf(limits: PolicyLimits | undefined): NonNullable<Admission['limits']> {
  if (limits === undefined) return {}
  const { regions, minLevel, evidence, maxInputPrice, maxOutputPrice } = limits
  const others = {
    ...(minLevel !== undefined && { minLevel }),
    ...(evidence !== undefined && { evidence: [...evidence] }),
    ...(maxInputPrice !== undefined && { maxInputPrice }),
    ...(maxOutputPrice !== undefined && { maxOutputPrice }),
  }
  return regions.reduce<NonNullable<Admission['limits']>>(
    (all, list) => narrowed(all, { regions: [...list] }),
    others,
  )
}
