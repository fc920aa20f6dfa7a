import {
  amountOf,
  evaluatePolicy,
  type PolicyFacts,
  type PolicyReason,
  parsePrice,
  picoEuro,
  type UsagePolicy,
} from '@hanse/protocol'
import { spenderOf } from '../budgets/budget.ts'
import type { SettlementStore } from '../db/store.ts'
import type { PastSession } from './policy-store.ts'

export interface RefusalGroup {
  readonly rule: string
  readonly reason: PolicyReason
  readonly sessions: number
  /** Pico-euro that they cost. */
  readonly amount: bigint
  /** Of some of them. */
  readonly examples: readonly string[]
}

/** What a policy would have done to sessions of the past. */
export interface DryRun {
  readonly from: number
  readonly to: number
  readonly sessions: number
  readonly refused: number
  /** Pico-euro that the refused ones cost. */
  readonly refusedAmount: bigint
  /** Sessions to which a rule applies that cannot be judged afterwards: settlement is not told of their key or tags. */
  readonly unjudged: number
  /** Most sessions first; a session that several rules refuse is in several. */
  readonly groups: readonly RefusalGroup[]
  /** There were more sessions than are looked at. */
  readonly isPartial: boolean
}

const PAGE = 5_000
/** Half a minute's worth. */
const SESSIONS_MAX = 1_000_000
const EXAMPLES_MAX = 3

/** Judges every session of a time by a policy, as the gateway would have. Changes nothing. */
export async function dryRun(
  store: Pick<SettlementStore, 'pastSessions'>,
  query: { organization: string; policy: UsagePolicy; timeZone: string; from: number; to: number },
): Promise<DryRun> {
  const { organization, policy, timeZone, from, to } = query
  const groups = new Map<string, RefusalGroup>()
  let [sessions, refused, unjudged, refusedAmount] = [0, 0, 0, 0n]
  let after: { at: number; session: string } | undefined
  for (;;) {
    const page = await store.pastSessions({
      organization,
      from,
      to,
      limit: PAGE,
      ...(after !== undefined && { after }),
    })
    for (const past of page) {
      sessions++
      const { refusals, unknown } = judge(policy, past, timeZone)
      if (refusals.length > 0) {
        refused++
        refusedAmount += past.amount
      } else if (unknown) unjudged++
      for (const [rule, reason] of refusals) add(groups, rule, reason, past)
    }
    after = page.at(-1)
    if (page.length < PAGE || sessions >= SESSIONS_MAX) break
  }
  const sorted = [...groups.values()].toSorted((a, b) => b.sessions - a.sessions)
  const isPartial = sessions >= SESSIONS_MAX
  return { from, to, sessions, refused, refusedAmount, unjudged, groups: sorted, isPartial }
}

/** `would have refused 312 of 9100 sessions`, with what for. */
export function dryRunLines({ sessions, refused, unjudged, groups, isPartial }: DryRun): string[] {
  return [
    `would have refused ${refused} of ${sessions} sessions${isPartial ? ', and there are more' : ''}`,
    ...groups.map(({ rule, reason, sessions: count }) => `  ${count} by ${rule}: ${reason}`),
    ...(unjudged === 0
      ? []
      : [`  ${unjudged} could not be judged wholly: their key or tags are not known here`]),
  ]
}

function judge(policy: UsagePolicy, past: PastSession, timeZone: string) {
  const facts: PolicyFacts = {
    ...spenderOf(past.attribution),
    models: [past.model],
    at: past.at,
    outputTokens: Number(past.outputTokens),
    ...(past.country !== '' && { country: past.country }),
  }
  const verdict = evaluatePolicy(policy, facts, timeZone)
  const refusals = verdict.refusals.map(({ rule, reason }) => [rule, reason] as const)
  const dear = tooDear(policy, verdict.limits, past)
  return {
    refusals: dear === undefined ? refusals : [...refusals, dear],
    unknown: verdict.unjudged.length > 0,
  }
}

/** Prices are in the records, not in the sums; a session that cost more than the highest prices allow was too dear for sure. */
function tooDear(
  { rules }: UsagePolicy,
  { maxInputPrice, maxOutputPrice }: ReturnType<typeof evaluatePolicy>['limits'],
  { inputTokens, outputTokens, amount }: PastSession,
): readonly [string, PolicyReason] | undefined {
  if (maxInputPrice === undefined || maxOutputPrice === undefined) return undefined
  const most = amountOf(inputTokens, maxInputPrice) + amountOf(outputTokens, maxOutputPrice)
  if (amount <= most) return undefined
  const strictest = rules.find(
    (rule) =>
      rule.maxOutputPrice !== undefined && parsePrice(rule.maxOutputPrice) === maxOutputPrice,
  )
  return [strictest?.name ?? '', 'output-price']
}

function add(
  groups: Map<string, RefusalGroup>,
  rule: string,
  reason: PolicyReason,
  { session, amount }: PastSession,
): void {
  const key = `${rule}\n${reason}`
  const known = groups.get(key) ?? { rule, reason, sessions: 0, amount: 0n, examples: [] }
  groups.set(key, {
    ...known,
    sessions: known.sessions + 1,
    amount: picoEuro(known.amount + amount),
    examples: known.examples.length < EXAMPLES_MAX ? [...known.examples, session] : known.examples,
  })
}
