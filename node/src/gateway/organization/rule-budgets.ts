import {
  amountWith,
  type BudgetWindow,
  fitOf,
  type GatewayRules,
  limitAt,
  type PicoEuro,
  picoEuro,
  type Spender,
  scopeText,
  spanAt,
  spanBefore,
  stopLimit,
} from '@hanse/protocol'
import type { SpendStore } from '../../store/spend-store.ts'
import { Budget, type BudgetState, type Hold } from '../keys/budget.ts'
import type { Window } from '../keys/period.ts'
import { RateLimit } from '../keys/rate-limit.ts'

type Rule = GatewayRules['budgets'][number]

/** A budget of the organization, as far as this gateway counts it. */
export interface RuleBudget {
  readonly rule: Rule
  readonly budget: Budget
  /** For all in its scope together, where it slows. */
  readonly rate: RateLimit
}

export interface RuleBudgetState extends BudgetState {
  readonly rule: Rule
  readonly isSlowed: boolean
  /** Refuses all that costs something, for settlement saw that it is used up. */
  readonly stoppedUntil: number | undefined
}

interface LiveHold {
  readonly hold: Hold
  readonly spender: Spender
}

/** What no organization spends: for budgets that count and do not stop. */
const NO_LIMIT = picoEuro(10n ** 36n)
const UNCOUNTED = { limit: null, period: 'none' } as const

/**
 * The organization's budgets in this gateway: spent by its receipts, and set aside for what runs. They change while
 * requests run, and every request that runs is in all that it fits, whenever they came.
 */
export class RuleBudgets {
  readonly #store: Pick<SpendStore, 'spentOn'>
  readonly #idsOf: (key: string) => readonly string[]
  readonly #budgets = new Map<string, RuleBudget>()
  readonly #carried = new Map<string, number>()
  readonly #live = new Set<LiveHold>()
  #rules: GatewayRules | undefined

  /** @param idsOf the id of a key, with its name */
  constructor(store: Pick<SpendStore, 'spentOn'>, idsOf: (key: string) => readonly string[]) {
    this.#store = store
    this.#idsOf = idsOf
  }

  get isEmpty(): boolean {
    return this.#budgets.size === 0
  }

  change(rules: GatewayRules, now: number): void {
    const before = this.#rules
    this.#rules = rules
    const ids = new Set(rules.budgets.map(({ id }) => id))
    for (const id of this.#budgets.keys()) if (!ids.has(id)) this.#budgets.delete(id)
    for (const rule of rules.budgets) {
      const known = this.#budgets.get(rule.id)
      const keeps =
        known !== undefined && before !== undefined && isSameCount(known.rule, rule, before, rules)
      this.#budgets.set(rule.id, keeps ? this.#changed(known, rule, now) : this.#opened(rule, now))
    }
  }

  /** Those that a spender's money counts in. */
  of(spender: Spender, now: number): RuleBudget[] {
    const all = [...this.#budgets.values()].filter(
      ({ rule }) => fitOf(rule.scope, spender) === 'yes' && isOpen(rule.window, now),
    )
    for (const each of all) this.#carryOver(each, now)
    return all
  }

  /** Settlement knows what all gateways spent together: until when it lets nothing through. */
  stoppedUntil({ id }: Rule, now: number): number | undefined {
    return this.#reached(id, 'stop', now)
  }

  isSlowed({ rule, budget }: RuleBudget, now: number): boolean {
    if (rule.slow === null) return false
    if (this.#reached(rule.id, 'slow', now) !== undefined) return true
    const slows = rule.thresholds.filter(({ action }) => action === 'slow')
    const { spent } = budget.state(now)
    const amount = this.#amount(rule, now)
    return slows.some(({ percent }) => spent >= limitAt(percent, amount))
  }

  hold(hold: Hold, spender: Spender): LiveHold {
    const live = { hold, spender }
    this.#live.add(live)
    for (const { rule, budget } of this.#budgets.values())
      if (fitOf(rule.scope, spender) === 'yes') budget.hold(hold)
    return live
  }

  settle(live: LiveHold): void {
    this.#live.delete(live)
    for (const { budget } of this.#budgets.values()) budget.settle(live.hold)
  }

  states(now: number): RuleBudgetState[] {
    return [...this.#budgets.values()].map((each) => {
      this.#carryOver(each, now)
      return {
        ...each.budget.state(now),
        rule: each.rule,
        isSlowed: this.isSlowed(each, now),
        stoppedUntil: this.stoppedUntil(each.rule, now),
      }
    })
  }

  #reached(id: string, wanted: 'slow' | 'stop', now: number): number | undefined {
    return this.#rules?.reached.find(
      ({ budget, action, until }) => budget === id && action === wanted && now < until,
    )?.until
  }

  #changed({ budget, rate }: RuleBudget, rule: Rule, now: number): RuleBudget {
    budget.change(this.#terms(rule, now), now)
    rate.change(rateOf(rule), now)
    return { rule, budget, rate }
  }

  #opened(rule: Rule, now: number): RuleBudget {
    const budget = new Budget(UNCOUNTED, ({ from, to }) => this.#spent(rule, from, to), now)
    // What runs is set aside before it counts, so that its receipts so far are not counted beside it.
    for (const { hold, spender } of this.#live)
      if (fitOf(rule.scope, spender) === 'yes') budget.hold(hold)
    budget.change(this.#terms(rule, now), now)
    return { rule, budget, rate: new RateLimit(rateOf(rule), now) }
  }

  /** A new window may have another amount. */
  #carryOver({ rule, budget }: RuleBudget, now: number): void {
    if (!rule.carryOver) return
    const { from } = budget.state(now).span
    if (this.#carried.get(rule.id) !== from) budget.change(this.#terms(rule, now), now)
  }

  #terms(rule: Rule, now: number): { limit: PicoEuro; period: Window } {
    const limit = stopLimit(rule, this.#amount(rule, now))
    this.#carried.set(rule.id, spanAt(rule.window, this.#timeZone, now).from)
    return {
      limit: limit === undefined ? NO_LIMIT : picoEuro(limit),
      period: windowOf(rule.window, this.#timeZone),
    }
  }

  #amount(rule: Rule, now: number): bigint {
    const span = spanAt(rule.window, this.#timeZone, now)
    const before = rule.carryOver ? spanBefore(rule.window, this.#timeZone, span) : undefined
    return before === undefined
      ? rule.amount
      : amountWith(rule, this.#spent(rule, before.from, before.to))
  }

  get #timeZone(): string {
    return this.#rules?.timeZone ?? 'UTC'
  }

  /** By receipts. */
  #spent({ scope }: Rule, from: number, to: number): bigint {
    const teams = this.#rules?.teams ?? []
    return this.#store.spentOn(
      from,
      to,
      ({ key, tags, model }) =>
        fitOf(scope, { ...spenderOf({ ids: this.#idsOf(key), tags, teams }), model }) === 'yes',
    )
  }
}

/** Whose a request is. @param ids the id and the name of its key */
export function spenderOf({
  ids,
  tags,
  teams,
}: {
  readonly ids: readonly string[]
  readonly tags: readonly string[]
  readonly teams: GatewayRules['teams']
}): Spender {
  const team = teams.find(({ keys }) => keys.some((key) => ids.includes(key)))
  // In no team is known too.
  return { keys: ids, tags, team: team?.name ?? '' }
}

/** For messages. */
export function ownerText({ name, scope }: Rule): string {
  return `${scopeText(scope)}, ${name},`
}

function windowOf(window: BudgetWindow, timeZone: string): Window {
  const name = `${JSON.stringify(window)} ${timeZone}`
  return { name, spanAt: (now) => spanAt(window, timeZone, now) }
}

const isOpen = (window: BudgetWindow, now: number): boolean =>
  window.kind !== 'fixed' || (now >= window.from && now < window.to)

const rateOf = ({ slow }: Rule) => ({
  requestsPerMinute: slow?.requestsPerMinute ?? null,
  tokensPerMinute: null,
  parallel: slow?.parallel ?? null,
})

/** Whether what was counted so far is what would be counted anew. */
function isSameCount(a: Rule, b: Rule, before: GatewayRules, after: GatewayRules): boolean {
  const parts = (rule: Rule, { teams, timeZone }: GatewayRules) =>
    JSON.stringify([rule.scope, rule.window, timeZone, rule.scope.team && teams])
  return parts(a, before) === parts(b, after)
}
