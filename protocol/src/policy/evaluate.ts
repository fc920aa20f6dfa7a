import { type PicoEuro, parsePrice } from '../money.ts'
import type { EvidenceKind } from '../region/attestation.ts'
import { isRegionWithin } from '../region/countries.ts'
import { narrowResidency, type Residency } from '../region/policy.ts'
import { isWithinHours } from './hours.ts'
import { fitsPattern } from './pattern.ts'
import type { PolicyRule, UsagePolicy } from './policy.ts'
import { fitOf, type Spender } from './scope.ts'

/** What is known of a request, before or after it; what is not known is absent. */
export interface PolicyFacts extends Omit<Spender, 'model'> {
  /** Those that it may be answered by: what was asked for and what is taken instead. */
  readonly models?: readonly string[]
  /** Where it was, or will be, answered. */
  readonly country?: string
  readonly inputPrice?: PicoEuro
  readonly outputPrice?: PicoEuro
  /** Most output tokens that it asks for, or how many it had. */
  readonly outputTokens?: number
  /** Milliseconds since 1970. */
  readonly at: number
}

export const POLICY_REASONS = [
  'model',
  'region',
  'hours',
  'input-price',
  'output-price',
  'tokens',
  'tag',
] as const
export type PolicyReason = (typeof POLICY_REASONS)[number]

export interface PolicyRefusal {
  /** Name of the rule. */
  readonly rule: string
  readonly reason: PolicyReason
  /** For whoever asked. */
  readonly message: string
}

/** What an answer must keep to that is chosen only after the request was let in. */
export interface PolicyLimits {
  /** Lists of regions, in each of which the answer has to be made. */
  readonly regions: readonly (readonly string[])[]
  /** Least evidence of location, and kinds of it that there must be. */
  readonly minLevel?: number
  readonly evidence?: readonly EvidenceKind[]
  readonly maxInputPrice?: PicoEuro
  readonly maxOutputPrice?: PicoEuro
  readonly maxOutputTokens?: number
}

export interface Verdict {
  readonly refusals: readonly PolicyRefusal[]
  readonly limits: PolicyLimits
  /** Rules that could not be judged, or not wholly, by what is known. */
  readonly unjudged: readonly string[]
}

/**
 * What of the limits is about where a prompt is processed; `undefined` when nothing is ruled of it, `nowhere` when two rules
 * have no place in common.
 */
export function residencyOfLimits({
  regions,
  minLevel = 0,
  evidence = [],
}: PolicyLimits): Residency | 'nowhere' | undefined {
  if (regions.length === 0 && minLevel === 0 && evidence.length === 0) return undefined
  let all: Residency = {
    allow: [],
    minLevel,
    ...(evidence.length > 0 && { evidence: [...evidence] }),
  }
  for (const allow of regions) {
    const narrower = narrowResidency(all, { allow: [...allow] })
    if (narrower === undefined) return 'nowhere'
    all = narrower
  }
  return all
}

interface Draft {
  readonly refusals: PolicyRefusal[]
  readonly levels: number[]
  readonly evidence: Set<EvidenceKind>
  readonly regions: (readonly string[])[]
  readonly prices: { input: PicoEuro[]; output: PicoEuro[] }
  readonly tokens: number[]
  readonly unjudged: Set<string>
}

/**
 * Judges one request by a policy. It is pure: the gateway, settlement and the dry run have one opinion. A rule about models
 * applies when any of the models may fall under it; what a rule limits and is not known yet is given back as limits.
 *
 * @param timeZone of the organization, where the policy names none
 */
export function evaluatePolicy(policy: UsagePolicy, facts: PolicyFacts, timeZone: string): Verdict {
  const draft: Draft = {
    refusals: [],
    levels: [],
    evidence: new Set(),
    regions: [],
    prices: { input: [], output: [] },
    tokens: [],
    unjudged: new Set(),
  }
  for (const rule of policy.rules) {
    const fit = fitOfRule(rule, facts)
    if (fit === 'unknown') draft.unjudged.add(rule.name)
    if (fit === 'yes') judge(rule, facts, policy.timeZone ?? timeZone, draft)
  }
  return finish(draft)
}

function fitOfRule({ for: scope }: PolicyRule, { models, ...spender }: PolicyFacts) {
  if (models === undefined || scope.model === undefined) return fitOf(scope, spender)
  const fits = models.map((model) => fitOf(scope, { ...spender, model }))
  return fits.find((fit) => fit === 'yes') ?? fits.find((fit) => fit === 'unknown') ?? 'no'
}

function judge(rule: PolicyRule, facts: PolicyFacts, timeZone: string, draft: Draft): void {
  const refuse = (reason: PolicyReason, message: string): void => {
    draft.refusals.push({ rule: rule.name, reason, message: `${message} (rule ${rule.name})` })
  }
  const unknown = (): void => void draft.unjudged.add(rule.name)
  judgeModels(rule, facts, refuse, unknown)
  judgeRegions(rule, facts, refuse, draft)
  if (rule.minLevel !== undefined) draft.levels.push(rule.minLevel)
  for (const kind of rule.evidence ?? []) draft.evidence.add(kind)
  if (rule.hours !== undefined && !isWithinHours(rule.hours, facts.at, timeZone))
    refuse('hours', `it may be used ${rule.hours.join(', ')} ${timeZone} time`)
  judgePrice(rule.maxInputPrice, facts.inputPrice, 'input', refuse, draft)
  judgePrice(rule.maxOutputPrice, facts.outputPrice, 'output', refuse, draft)
  if (rule.maxTokens !== undefined) {
    draft.tokens.push(rule.maxTokens)
    if (facts.outputTokens !== undefined && facts.outputTokens > rule.maxTokens)
      refuse('tokens', `an answer may have ${rule.maxTokens} tokens, and not ${facts.outputTokens}`)
  }
  if (rule.requiredTags !== undefined) {
    const { tags } = facts
    if (tags === undefined) unknown()
    for (const wanted of tags === undefined ? [] : rule.requiredTags)
      if (!tags?.some((tag) => fitsPattern(wanted, tag)))
        refuse('tag', `a tag ${wanted} is missing`)
  }
}

type Refuse = (reason: PolicyReason, message: string) => void

function judgeModels(rule: PolicyRule, facts: PolicyFacts, refuse: Refuse, unknown: () => void) {
  const { models: allowed, denyModels: denied = [] } = rule
  if (allowed === undefined && denied.length === 0) return
  if (facts.models === undefined) return unknown()
  for (const model of facts.models) {
    const isAllowed = allowed?.some((pattern) => fitsPattern(pattern, model)) ?? true
    if (isAllowed && !denied.some((pattern) => fitsPattern(pattern, model))) continue
    const instead = allowed === undefined ? '' : `, only ${allowed.join(', ')}`
    return refuse('model', `the model ${model.slice(0, 128)} is not allowed${instead}`)
  }
}

function judgeRegions(rule: PolicyRule, facts: PolicyFacts, refuse: Refuse, draft: Draft): void {
  const { regions } = rule
  if (regions === undefined) return
  const { country } = facts
  if (country === undefined) draft.regions.push(regions)
  else if (!regions.some((region) => isRegionWithin(country, region)))
    refuse('region', `${country} is not in ${regions.join(', ')}`)
}

function judgePrice(
  most: string | undefined,
  asked: PicoEuro | undefined,
  side: 'input' | 'output',
  refuse: Refuse,
  draft: Draft,
): void {
  if (most === undefined) return
  const limit = parsePrice(most)
  draft.prices[side].push(limit)
  if (asked !== undefined && asked > limit)
    refuse(`${side}-price`, `${side} tokens may cost ${most} EUR per million`)
}

function finish(draft: Draft): Verdict {
  const { refusals, regions, levels, evidence, prices, tokens, unjudged } = draft
  const least = (all: readonly PicoEuro[]) => all.reduce((a, b) => (a < b ? a : b))
  return {
    refusals,
    limits: {
      regions,
      ...(levels.length > 0 && { minLevel: Math.max(...levels) }),
      ...(evidence.size > 0 && { evidence: [...evidence] }),
      ...(prices.input.length > 0 && { maxInputPrice: least(prices.input) }),
      ...(prices.output.length > 0 && { maxOutputPrice: least(prices.output) }),
      ...(tokens.length > 0 && { maxOutputTokens: Math.min(...tokens) }),
    },
    unjudged: [...unjudged],
  }
}
