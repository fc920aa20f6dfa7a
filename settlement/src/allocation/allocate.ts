import { fitsPattern } from '@hanse/protocol'
import type { AllocationRule, Condition, Share } from './plan.ts'
import { split } from './split.ts'

/** What was spent by one key, member and set of tags on one model: each session is in one of these. */
export interface SpendCell {
  readonly key: string
  readonly member: string
  readonly tags: readonly string[]
  readonly model: string
  readonly sessions: bigint
  /** Pico-euro, not negative. */
  readonly amount: bigint
}

/** What one rule gives to one cost centre. Together the lines are all that was spent. */
export interface AllocationLine {
  /** `unallocated`: no rule fits, or nobody is there to share it. */
  readonly kind: 'direct' | 'shared' | 'unallocated'
  readonly centre: string | null
  readonly rule: string | null
  /** Of what is shared they are not divided: they are with the rule. */
  readonly sessions: bigint
  readonly amount: bigint
}

export interface RuleSum {
  readonly name: string
  readonly sessions: bigint
  readonly amount: bigint
}

export interface Allocation {
  readonly total: bigint
  readonly sessions: bigint
  readonly lines: readonly AllocationLine[]
  /** What each rule took, in their order; what took nothing is there too. */
  readonly rules: readonly RuleSum[]
}

interface Sum {
  sessions: bigint
  amount: bigint
}

/**
 * Who bears what. Each cell goes to the first rule that fits it. What goes to cost centres directly is known first; then what is
 * shared is split, so that shares by direct spend do not depend on the order of what is shared.
 */
export function allocate(
  cells: readonly SpendCell[],
  rules: readonly AllocationRule[],
): Allocation {
  const taken: Sum[] = rules.map(() => ({ sessions: 0n, amount: 0n }))
  const rest: Sum = { sessions: 0n, amount: 0n }
  const matchers = rules.map(({ when }) => matcher(when))
  for (const cell of cells) {
    const place = matchers.findIndex((isMatch) => isMatch(cell))
    const sum = taken[place] ?? rest
    sum.sessions += cell.sessions
    sum.amount += cell.amount
  }
  const sums = rules.map((rule, place) => ({ rule, ...(taken[place] ?? rest) }))
  const direct = sums.flatMap(({ rule, ...sum }) => ('to' in rule ? [directLine(rule, sum)] : []))
  const base = byCentre(direct)
  const lines = [
    ...direct,
    ...sums.flatMap(({ rule, ...sum }) => ('share' in rule ? sharedLines(rule, sum, base) : [])),
    { kind: 'unallocated' as const, centre: null, rule: null, ...rest },
  ]
  return {
    total: sumOf([...sums, rest], 'amount'),
    sessions: sumOf([...sums, rest], 'sessions'),
    lines: lines.filter(({ amount, sessions }) => amount !== 0n || sessions !== 0n),
    rules: sums.map(({ rule, sessions, amount }) => ({ name: rule.name, sessions, amount })),
  }
}

function matcher({ tag, key, member, model }: Condition): (cell: SpendCell) => boolean {
  const [isTag, isKey, isMember, isModel] = [tag, key, member, model].map(fitter)
  return (cell) =>
    (isKey?.(cell.key) ?? true) &&
    (isMember?.(cell.member) ?? true) &&
    (isModel?.(cell.model) ?? true) &&
    (isTag === undefined || (cell.tags.length === 0 ? [''] : cell.tags).some(isTag))
}

/** The same few names come in many cells: each is compared once. */
function fitter(pattern: string | undefined): ((value: string) => boolean) | undefined {
  if (pattern === undefined) return undefined
  const known = new Map<string, boolean>()
  return (value) => {
    const fits = known.get(value) ?? fitsPattern(pattern, value)
    known.set(value, fits)
    return fits
  }
}

const directLine = ({ name, to }: { name: string; to: string }, sum: Sum): AllocationLine => ({
  kind: 'direct',
  centre: to,
  rule: name,
  ...sum,
})

function sharedLines(
  { name, share }: { name: string; share: Share },
  { sessions, amount }: Sum,
  base: ReadonlyMap<string, bigint>,
): AllocationLine[] {
  const weights = [...weightsOf(share, base)]
    .filter(([, weight]) => weight > 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  // In proportion to nothing nobody bears anything, and it is said.
  if (weights.length === 0)
    return [{ kind: 'unallocated', centre: null, rule: name, sessions, amount }]
  const parts = split(
    amount,
    weights.map(([, weight]) => weight),
  )
  return weights.map(([centre], place) => ({
    kind: 'shared',
    centre,
    rule: name,
    sessions: 0n,
    amount: parts[place] ?? 0n,
  }))
}

function weightsOf(share: Share, base: ReadonlyMap<string, bigint>): Iterable<[string, bigint]> {
  switch (share.by) {
    case 'even':
      return new Map(share.centres.map((centre) => [centre, 1n]))
    case 'fixed':
      return Object.entries(share.shares).map(([centre, weight]) => [centre, BigInt(weight)])
    case 'direct':
      return share.centres === undefined
        ? base
        : new Map(share.centres.map((centre) => [centre, base.get(centre) ?? 0n]))
  }
}

function byCentre(lines: readonly AllocationLine[]): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { centre, amount } of lines) {
    if (centre !== null) sums.set(centre, (sums.get(centre) ?? 0n) + amount)
  }
  return sums
}

const sumOf = (sums: readonly Sum[], field: keyof Sum): bigint =>
  sums.reduce((all, sum) => all + sum[field], 0n)
