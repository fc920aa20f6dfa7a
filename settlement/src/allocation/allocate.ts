import { fitsPattern } from '@hanse/protocol'
import type { AllocationRule, Condition, Share } from './plan.ts'
import { split } from './split.ts'

/** What was spent in one place by one key, member and set of tags on one model: each session is in one of these. */
export interface SpendCell {
  /** Where it was bought: `hanse`, or where it was imported from. */
  readonly source: string
  readonly key: string
  readonly member: string
  readonly tags: readonly string[]
  readonly model: string
  readonly sessions: bigint
  /** In the smallest unit of the calculation, such as pico-euro. Below zero it is a credit. */
  readonly amount: bigint
}

/** What one rule gives to one cost centre, of what was bought in one place. Together the lines are all that was spent. */
export interface AllocationLine {
  /** `unallocated`: no rule fits, or nobody is there to share it. */
  readonly kind: 'direct' | 'shared' | 'unallocated'
  readonly centre: string | null
  readonly rule: string | null
  readonly source: string
  /** Of what is shared they are not divided: they are with the rule. */
  readonly sessions: bigint
  readonly amount: bigint
}

export interface RuleSum {
  readonly name: string
  readonly sessions: bigint
  readonly amount: bigint
}

export interface SourceSum {
  readonly source: string
  readonly sessions: bigint
  readonly amount: bigint
}

export interface Allocation {
  readonly total: bigint
  readonly sessions: bigint
  /** What was spent in each place, by name. */
  readonly sources: readonly SourceSum[]
  readonly lines: readonly AllocationLine[]
  /** What each rule took, in their order; what took nothing is there too. */
  readonly rules: readonly RuleSum[]
}

interface Sum {
  sessions: bigint
  amount: bigint
}

/** By source. */
type Sums = Map<string, Sum>

/**
 * Who bears what. Each cell goes to the first rule that fits it. What goes to cost centres directly is known first, wherever
 * it was bought; then what is shared is split, so that shares by direct spend do not depend on the order of what is shared.
 *
 * @param cells in one currency
 */
export function allocate(
  cells: readonly SpendCell[],
  rules: readonly AllocationRule[],
): Allocation {
  const taken: Sums[] = rules.map(() => new Map())
  const rest: Sums = new Map()
  const all: Sums = new Map()
  const matchers = rules.map(({ when }) => matcher(when))
  for (const cell of cells) {
    const place = matchers.findIndex((isMatch) => isMatch(cell))
    addTo(taken[place] ?? rest, cell)
    addTo(all, cell)
  }
  const parts = rules.flatMap((rule, place) =>
    bySource(taken[place] ?? new Map()).map((part) => ({ rule, part })),
  )
  const direct = parts.flatMap(({ rule, part }) => ('to' in rule ? [directLine(rule, part)] : []))
  const base = byCentre(direct)
  const lines = [
    ...direct,
    ...parts.flatMap(({ rule, part }) => ('share' in rule ? sharedLines(rule, part, base) : [])),
    ...bySource(rest).map((part) => unallocated(null, part)),
  ]
  const sources = bySource(all)
  return {
    total: sumOf(sources, 'amount'),
    sessions: sumOf(sources, 'sessions'),
    sources,
    lines: lines.filter(({ amount, sessions }) => amount !== 0n || sessions !== 0n),
    rules: rules.map(({ name }, place) => {
      const of = bySource(taken[place] ?? new Map())
      return { name, sessions: sumOf(of, 'sessions'), amount: sumOf(of, 'amount') }
    }),
  }
}

function addTo(sums: Sums, { source, sessions, amount }: SpendCell): void {
  const sum = sums.get(source) ?? { sessions: 0n, amount: 0n }
  sums.set(source, sum)
  sum.sessions += sessions
  sum.amount += amount
}

const bySource = (sums: Sums): SourceSum[] =>
  [...sums]
    .map(([source, sum]) => ({ source, ...sum }))
    .sort((a, b) => (a.source < b.source ? -1 : 1))

function matcher({ tag, key, member, model, source }: Condition): (cell: SpendCell) => boolean {
  const [isTag, isKey, isMember, isModel, isSource] = [tag, key, member, model, source].map(fitter)
  return (cell) =>
    (isSource?.(cell.source) ?? true) &&
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

const directLine = (
  { name, to }: { name: string; to: string },
  part: SourceSum,
): AllocationLine => ({ kind: 'direct', centre: to, rule: name, ...part })

const unallocated = (rule: string | null, part: SourceSum): AllocationLine => ({
  kind: 'unallocated',
  centre: null,
  rule,
  ...part,
})

function sharedLines(
  { name, share }: { name: string; share: Share },
  part: SourceSum,
  base: ReadonlyMap<string, bigint>,
): AllocationLine[] {
  const weights = [...weightsOf(share, base)]
    .filter(([, weight]) => weight > 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  // In proportion to nothing nobody bears anything, and it is said.
  if (weights.length === 0) return [unallocated(name, part)]
  const { source, amount } = part
  const isCredit = amount < 0n
  const shares = split(
    isCredit ? -amount : amount,
    weights.map(([, weight]) => weight),
  )
  return weights.map(([centre], place) => ({
    kind: 'shared',
    centre,
    rule: name,
    source,
    sessions: 0n,
    amount: isCredit ? -(shares[place] ?? 0n) : (shares[place] ?? 0n),
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

const sumOf = (sums: readonly SourceSum[], field: keyof Sum): bigint =>
  sums.reduce((all, sum) => all + sum[field], 0n)
