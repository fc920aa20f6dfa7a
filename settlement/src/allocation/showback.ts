import { type Decimal, decimal, decimalOf, format, unitsAt } from '../costs/decimal.ts'
import type { SettlementStore } from '../db/store.ts'
import { csvRecord } from '../exports/csv.ts'
import { ratesOf } from '../imports/card-rates.ts'
import type { OutsideCell } from '../imports/outside-usage.ts'
import type { Rate } from '../imports/rate-port.ts'
import { costOf, spendRows } from '../imports/spend.ts'
import { NETWORK_SOURCE } from '../imports/spend-query.ts'
import type { UsageCell } from '../usage/usage-store.ts'
import { type Allocation, type AllocationLine, allocate, type SpendCell } from './allocate.ts'
import type { AllocationRule } from './plan.ts'

/** What a month came to in one currency. Amounts are exact decimals, and those of two currencies are never added up. */
export interface ShowbackPart {
  readonly currency: string
  readonly total: string
  /** Of the network, and requests of what was imported. */
  readonly sessions: string
  /** Where it was bought: `hanse` is the network. Together they are `total`. */
  readonly sources: readonly {
    readonly source: string
    readonly sessions: string
    readonly amount: string
  }[]
  /** By name; `direct` and `shared` are `total`. */
  readonly centres: readonly {
    readonly centre: string
    readonly direct: string
    readonly shared: string
    readonly total: string
    readonly sessions: string
  }[]
  /** What no rule fits, and what nobody was there to share. */
  readonly unallocated: { readonly total: string; readonly sessions: string }
  readonly lines: readonly {
    readonly kind: AllocationLine['kind']
    readonly centre: string | null
    readonly rule: string | null
    readonly source: string
    readonly sessions: string
    readonly amount: string
  }[]
  /** What each rule took, in their order. */
  readonly rules: readonly {
    readonly name: string
    readonly sessions: string
    readonly amount: string
  }[]
}

/** What a month came to, by cost centre: in euro, the network's and what was imported, and in every other currency. */
export interface Showback extends ShowbackPart {
  /** Such as `2026-11`, in UTC. */
  readonly month: string
  /** The plan that counted; null where there was none. */
  readonly plan: { readonly version: number; readonly effectiveFrom: string } | null
  readonly otherCurrencies: readonly ShowbackPart[]
  /** Imported usage without a price: it costs something, and is in no sum. */
  readonly unrated: readonly {
    readonly source: string
    readonly requests: string
    readonly inputTokens: string
    readonly outputTokens: string
    /** The first twenty. */
    readonly models: readonly string[]
  }[]
}

const EURO = 'EUR'
const PICO = 12
const MONTH = /^(\d{4})-(\d{2})$/u

/** What an organization spent in a month, by the plan that counts for it, or by rules that are only tried. */
export async function showback(
  store: SettlementStore,
  organization: string,
  month: string,
  tried?: readonly AllocationRule[],
): Promise<Showback> {
  const plan = tried === undefined ? await store.allocationPlanFor(organization, month) : undefined
  const query = { organization, ...spanOfMonth(month) }
  const [network, outside] = await Promise.all([store.usageCells(query), store.outsideCells(query)])
  const rate = await ratesOf(store, organization, outside)
  const rules = tried ?? plan?.rules ?? []
  const cells = byCurrency([
    ...network.map(settled),
    ...outside.flatMap((cell) => priced(cell, rate)),
  ])
  const others = [...cells.keys()].filter((currency) => currency !== EURO).sort()
  const part = (currency: string) => partOf(currency, cells.get(currency) ?? [], rules)
  return {
    month,
    plan: plan === undefined ? null : { version: plan.version, effectiveFrom: plan.effectiveFrom },
    ...part(EURO),
    otherCurrencies: others.map(part),
    unrated: unratedOf(outside, rate),
  }
}

/** A line for each rule, cost centre and source: the amounts of one currency are all that was spent in it. */
export function showbackCsv({ month, otherCurrencies, ...euro }: Showback): string {
  const head = ['month', 'cost_centre', 'kind', 'rule', 'source', 'sessions', 'amount', 'currency']
  const body = [euro, ...otherCurrencies].flatMap(({ currency, lines }) =>
    lines.map(({ centre, kind, rule, source, sessions, amount }) =>
      csvRecord([month, centre ?? '', kind, rule ?? '', source, sessions, amount, currency]),
    ),
  )
  return [csvRecord(head), ...body].join('')
}

/** From its first instant in UTC to the first of the next. @param month such as `2026-11` */
export function spanOfMonth(month: string): { from: number; to: number } {
  const [, year, number] = MONTH.exec(month) ?? []
  const [y, m] = [Number(year), Number(number) - 1]
  return { from: Date.UTC(y, m), to: Date.UTC(y, m + 1) }
}

interface PricedCell extends Omit<SpendCell, 'amount'> {
  readonly currency: string
  readonly cost: Decimal
}

const settled = ({ key, member, tags, model, sessions, amount }: UsageCell): PricedCell => ({
  source: NETWORK_SOURCE,
  key,
  member,
  tags,
  model,
  sessions,
  currency: EURO,
  cost: decimalOf(amount, PICO),
})

function priced(cell: OutsideCell, rate: Rate): PricedCell[] {
  const cost = costOf(cell, rate)
  if (cost === undefined) return []
  const { source, label: key, tags, model, requests: sessions } = cell
  const { currency, amount } = cost
  return [{ source, key, member: '', tags, model, sessions, currency, cost: decimal(amount) }]
}

function byCurrency(cells: readonly PricedCell[]): Map<string, PricedCell[]> {
  const found = new Map<string, PricedCell[]>()
  for (const cell of cells) {
    const known = found.get(cell.currency)
    if (known === undefined) found.set(cell.currency, [cell])
    else known.push(cell)
  }
  return found
}

/** In units that hold every digit of every cost, so that nothing is rounded before it is split. */
function partOf(
  currency: string,
  cells: readonly PricedCell[],
  rules: readonly AllocationRule[],
): ShowbackPart {
  const scale = cells.reduce((most, { cost }) => Math.max(most, cost.scale), PICO)
  const whole = cells.map(({ cost, ...cell }) => ({ ...cell, amount: unitsAt(cost, scale) }))
  return toPart(currency, allocate(whole, rules), (units) => format(decimalOf(units, scale)))
}

type Tell = (units: bigint) => string

function toPart(
  currency: string,
  { total, sessions, sources, lines, rules }: Allocation,
  tell: Tell,
): ShowbackPart {
  const names = [...new Set(lines.flatMap(({ centre }) => centre ?? []))].sort()
  const left = lines.filter(({ kind }) => kind === 'unallocated')
  const told = ({ sessions: count, amount }: { sessions: bigint; amount: bigint }) => ({
    sessions: count.toString(),
    amount: tell(amount),
  })
  return {
    currency,
    total: tell(total),
    sessions: sessions.toString(),
    sources: sources.map(({ source, ...sum }) => ({ source, ...told(sum) })),
    centres: names.map((name) =>
      toCentre(
        name,
        lines.filter(({ centre }) => centre === name),
        tell,
      ),
    ),
    unallocated: { total: tell(amountOf(left)), sessions: sessionsOf(left).toString() },
    lines: lines.map((line) => ({ ...line, ...told(line) })),
    rules: rules.map((rule) => ({ name: rule.name, ...told(rule) })),
  }
}

function toCentre(centre: string, lines: readonly AllocationLine[], tell: Tell) {
  const of = (kind: AllocationLine['kind']) => amountOf(lines.filter((line) => line.kind === kind))
  return {
    centre,
    direct: tell(of('direct')),
    shared: tell(of('shared')),
    total: tell(amountOf(lines)),
    sessions: sessionsOf(lines).toString(),
  }
}

function unratedOf(cells: readonly OutsideCell[], rate: Rate): Showback['unrated'] {
  const bySource = spendRows(
    cells.map((cell) => ({ ...cell, key: cell.source })),
    rate,
  )
  return bySource
    .filter(({ unrated }) => unrated.models.length > 0)
    .map(({ key, unrated: { models, ...counts } }) => ({
      source: key,
      requests: counts.requests.toString(),
      inputTokens: counts.inputTokens.toString(),
      outputTokens: counts.outputTokens.toString(),
      models,
    }))
}

const amountOf = (lines: readonly AllocationLine[]): bigint =>
  lines.reduce((sum, { amount }) => sum + amount, 0n)
const sessionsOf = (lines: readonly AllocationLine[]): bigint =>
  lines.reduce((sum, { sessions }) => sum + sessions, 0n)
