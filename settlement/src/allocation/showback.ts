import { decimalOf, format } from '../costs/decimal.ts'
import type { SettlementStore } from '../db/store.ts'
import { csvRecord } from '../exports/csv.ts'
import { type Allocation, type AllocationLine, allocate } from './allocate.ts'
import type { AllocationPlan, AllocationRule } from './plan.ts'

/** What a month came to, by cost centre. Amounts are exact decimals, in euro. */
export interface Showback {
  /** Such as `2026-11`, in UTC. */
  readonly month: string
  readonly currency: 'EUR'
  /** The plan that counted; null where there was none. */
  readonly plan: { readonly version: number; readonly effectiveFrom: string } | null
  readonly total: string
  readonly sessions: string
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
  const cells = await store.usageCells({ organization, ...spanOfMonth(month) })
  return toShowback(month, plan, allocate(cells, tried ?? plan?.rules ?? []))
}

/** A line for each rule and cost centre: their amounts are all that was spent. */
export function showbackCsv({ month, lines }: Showback): string {
  const head = ['month', 'cost_centre', 'kind', 'rule', 'sessions', 'amount_eur']
  const body = lines.map(({ centre, kind, rule, sessions, amount }) =>
    csvRecord([month, centre ?? '', kind, rule ?? '', sessions, amount]),
  )
  return [csvRecord(head), ...body].join('')
}

/** From its first instant in UTC to the first of the next. @param month such as `2026-11` */
export function spanOfMonth(month: string): { from: number; to: number } {
  const [, year, number] = MONTH.exec(month) ?? []
  const [y, m] = [Number(year), Number(number) - 1]
  return { from: Date.UTC(y, m), to: Date.UTC(y, m + 1) }
}

function toShowback(
  month: string,
  plan: AllocationPlan | undefined,
  { total, sessions, lines, rules }: Allocation,
): Showback {
  const names = [...new Set(lines.flatMap(({ centre }) => centre ?? []))].sort()
  const left = lines.filter(({ kind }) => kind === 'unallocated')
  return {
    month,
    currency: 'EUR',
    plan: plan === undefined ? null : { version: plan.version, effectiveFrom: plan.effectiveFrom },
    total: euro(total),
    sessions: sessions.toString(),
    centres: names.map((name) =>
      toCentre(
        name,
        lines.filter(({ centre }) => centre === name),
      ),
    ),
    unallocated: { total: euro(amountOf(left)), sessions: sessionsOf(left).toString() },
    lines: lines.map((line) => ({ ...line, ...told(line) })),
    rules: rules.map((rule) => ({ name: rule.name, ...told(rule) })),
  }
}

function toCentre(centre: string, lines: readonly AllocationLine[]) {
  const of = (kind: AllocationLine['kind']) => amountOf(lines.filter((line) => line.kind === kind))
  return {
    centre,
    direct: euro(of('direct')),
    shared: euro(of('shared')),
    total: euro(amountOf(lines)),
    sessions: sessionsOf(lines).toString(),
  }
}

const told = ({ sessions, amount }: { sessions: bigint; amount: bigint }) => ({
  sessions: sessions.toString(),
  amount: euro(amount),
})

const euro = (amount: bigint): string => format(decimalOf(amount, PICO))
const amountOf = (lines: readonly AllocationLine[]): bigint =>
  lines.reduce((sum, { amount }) => sum + amount, 0n)
const sessionsOf = (lines: readonly AllocationLine[]): bigint =>
  lines.reduce((sum, { sessions }) => sum + sessions, 0n)
