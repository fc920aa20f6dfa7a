import {
  amountWith,
  type BudgetRule,
  fitOf,
  GATEWAY_KEY_TAG as KEY_TAG,
  type PicoEuro,
  picoEuro,
  spanAt,
  spanBefore,
  type TimeSpan,
} from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { type BudgetRow, type BudgetState, type BudgetSums, spenderOf } from './budget.ts'

/** A window that a budget has, had, or will have. */
export interface BudgetWindow {
  readonly budget: BudgetRow
  readonly span: TimeSpan
}

type Part = {
  /** Which of the windows it is of. */
  readonly n: number
  readonly spent: string
} & (
  | { readonly source: 'promised'; readonly attribution: string | null; readonly held: string }
  | { readonly source: 'reported'; readonly gateway: string; readonly held: string }
  | {
      readonly source: 'settled'
      readonly gateway: string
      readonly model: string
      /** Of the authorization; null where that is for anybody. */
      readonly attribution: string | null
    }
)

/**
 * What windows came to, summed anew from what is in the books: there is no counter that could be wrong. To be called in one
 * transaction with whatever is decided by it. One statement, however many windows.
 *
 * Authorizations that say that they are for whom the budget is of count as a whole, in the window in which they were issued;
 * what is given back counts no more. Of all others there is what each gateway reports, and what of its sessions is settled,
 * under the tags that it noted of them. Neither is ever more than what was spent, so the larger one is nearer to it, and both
 * are never added.
 */
export async function sumsOf(
  tx: Database,
  windows: readonly BudgetWindow[],
): Promise<(BudgetSums & { readonly span: TimeSpan })[]> {
  const parts = windows.length === 0 ? [] : await partsOf(tx, windows)
  return windows.map(({ budget: { rule }, span }, n) => {
    const own = parts.filter((part) => part.n === n)
    const sums = [promised(rule, own), ...gateways(rule, own)]
    return { span, spent: total(sums, 'spent'), held: total(sums, 'held') }
  })
}

interface Sums {
  readonly spent: bigint
  readonly held: bigint
}

const total = (sums: readonly Sums[], field: keyof Sums): PicoEuro =>
  picoEuro(sums.reduce((all, sum) => all + sum[field], 0n))

function promised({ scope }: BudgetRule, parts: readonly Part[]): Sums {
  let [spent, held] = [0n, 0n]
  for (const part of parts) {
    if (part.source !== 'promised') continue
    if (fitOf(scope, spenderOf(part.attribution)) !== 'yes') continue
    spent += BigInt(part.spent)
    held += BigInt(part.held)
  }
  return { spent, held }
}

function gateways({ scope }: BudgetRule, parts: readonly Part[]): Sums[] {
  const known = new Map<string, { reported: bigint; running: bigint; settled: bigint }>()
  for (const part of parts) {
    if (part.source === 'promised') continue
    if (part.source === 'settled' && !isOnlySettled(scope, part)) continue
    const sums = known.get(part.gateway) ?? { reported: 0n, running: 0n, settled: 0n }
    known.set(part.gateway, sums)
    if (part.source === 'reported') {
      sums.reported += BigInt(part.spent)
      sums.running += BigInt(part.held)
    } else {
      sums.settled += BigInt(part.spent)
    }
  }
  return [...known.values()].map(({ reported, running, settled }) => {
    const spent = larger(reported, settled)
    // What ran when it was reported and is settled since, runs no more.
    return { spent, held: larger(reported + running, spent) - spent }
  })
}

/** What is of the model, and in no authorization that counts as a whole; team, key and tag were asked for. */
function isOnlySettled(
  scope: BudgetRule['scope'],
  { model, attribution }: Extract<Part, { source: 'settled' }>,
): boolean {
  if (attribution !== null && fitOf(scope, spenderOf(attribution)) === 'yes') return false
  return scope.model === undefined || fitOf({ model: scope.model }, { model }) === 'yes'
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const isWhole = ({ scope }: BudgetRule): boolean => Object.keys(scope).length === 0

const partsOf = (tx: Database, windows: readonly BudgetWindow[]): Promise<Part[]> =>
  rows<Part>(
    tx,
    sql`select w.n, p.* from ${recordset(windows.map(rowOf), WINDOW)} cross join lateral (
      select 'promised' as source, attribution, null as gateway, null as model, sum(spent)::text as spent,
        sum(amount_limit - released - spent)::text as held
      from spend_authorization where organization = w.organization and issued_at >= w.since and issued_at < w.until
        and (w.whole or attribution is not null)
      group by attribution
      union all select 'reported', null, gateway, null, spent::text, held::text from budget_report
      where not w.whole and budget = w.budget and window_from = w.since
      union all select 'settled', a.attribution, u.gateway, u.model, sum(u.amount)::text, null
      from (
        select gateway, attributed, spender, model, sum(amount) as amount from usage_gateway
        where not w.whole and organization = w.organization and quarter >= w.since and quarter < w.until
        group by 1, 2, 3, 4) u
      left join spend_authorization a on a.serial = u.attributed
      left join usage_spender s on s.organization = w.organization and s.id = u.spender
      where (w.tag is null or w.tag = any (s.tags))
        and (w.key is null or ${KEY_TAG} || w.key = any (s.tags))
        and (w.team is null or w.team in (
          -- As gateways take it: of several teams that have a key, the first one.
          select (select name from team t where t.organization = w.organization
            and substr(tag, ${KEY_TAG.length + 1}::int4) = any (t.keys) order by name limit 1)
          from unnest(s.tags) tag where starts_with(tag, ${KEY_TAG})))
      group by u.gateway, u.model, a.attribution) p`,
  )

const WINDOW =
  'w(n int4, organization text, budget text, whole bool, team text, key text, tag text, since timestamptz, until timestamptz)'

const rowOf = ({ budget: { id, organization, rule }, span }: BudgetWindow, n: number) => ({
  n,
  organization,
  budget: id,
  whole: isWhole(rule),
  team: rule.scope.team,
  key: rule.scope.key,
  tag: rule.scope.tag,
  // PostgreSQL knows years far beyond, JavaScript's dates print theirs with a sign.
  since: new Date(span.from).toISOString(),
  until: new Date(span.to).toISOString(),
})

/** The windows that `at` lies in, by budget; `undefined` before and after a fixed one. */
export async function statesAt(
  tx: Database,
  budgets: readonly BudgetRow[],
  timeZone: string,
  at: number,
): Promise<(BudgetState | undefined)[]> {
  const asked = budgets.map((budget) => windowsAt(budget, timeZone, at))
  const sums = await sumsOf(tx, asked.flat())
  return budgets.map(({ rule }, i) => {
    const [now, before] = sums.splice(0, asked[i]?.length)
    if (now === undefined) return undefined
    const carried = before === undefined ? rule.amount : before.spent + before.held
    return { ...now, amount: picoEuro(amountWith(rule, carried)) }
  })
}

/** The one window of `statesAt`. */
export async function stateAt(
  tx: Database,
  budget: BudgetRow,
  timeZone: string,
  at: number,
): Promise<BudgetState | undefined> {
  return (await statesAt(tx, [budget], timeZone, at))[0]
}

/** The one that `at` lies in, and the one that is carried over from, where there are such. */
function windowsAt(budget: BudgetRow, timeZone: string, at: number): BudgetWindow[] {
  const { rule, createdAt } = budget
  const span = spanAt(rule.window, timeZone, at)
  if (at < span.from || at >= span.to) return []
  const before = rule.carryOver ? spanBefore(rule.window, timeZone, span) : undefined
  // What was before the budget was is no saving of its.
  const isOwn = before !== undefined && before.to > createdAt
  return [{ budget, span }, ...(isOwn ? [{ budget, span: before }] : [])]
}
