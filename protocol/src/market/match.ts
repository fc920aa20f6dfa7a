import { formatPrice, type PicoEuro } from '../money.ts'
import type { RegionAttestation } from '../region/attestation.ts'
import { provenLevel, type Residency, type ResidencyPolicy } from '../region/policy.ts'
import { type ResidencyRefusal, refusePlace } from '../region/refusal.ts'
import { findModel, type Offer, type OfferedModel } from './offer.ts'

/** An offer as a consumer knows it: opened, with the signature-checked attestations that it cites. */
export interface KnownOffer {
  readonly offer: Offer
  readonly attestations: readonly RegionAttestation[]
  /** Of those that it cites, what their attestors took back: they explain a refusal and prove nothing. */
  readonly revoked?: readonly RegionAttestation[]
  /** How many came with it whose signatures are not good. */
  readonly forged?: number
}

export interface Requirement {
  /** Model id or alias; every model when absent. */
  readonly model?: string
  readonly residency: ResidencyPolicy
  /** What one request asks for on top of the policy, which it can only narrow. */
  readonly narrowed?: Partial<Residency>
  /** Highest acceptable prices, pico-euro per token. */
  readonly maxInputPrice?: PicoEuro
  readonly maxOutputPrice?: PicoEuro
  /** Prompt and answer together, tokens. */
  readonly contextTokens?: number
  /** What the model must be offered for. */
  readonly kind?: RequestKind
  /** Peer ids: nobody else comes into question. */
  readonly only?: readonly string[]
  /** Peer ids that do not come into question. */
  readonly ignore?: readonly string[]
  readonly now: number
}

/** What a request is, in OpenAI's terms. */
export const REQUEST_KINDS = ['chat', 'completion', 'embedding'] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

export type ExclusionCode = 'expired' | 'residency' | 'price' | 'context' | 'kind' | 'provider'

export interface Exclusion {
  readonly code: ExclusionCode
  /** What is in the way. */
  readonly message: string
  /** What would change it. */
  readonly change: string
  /** Of a refusal for its place: which one it is. */
  readonly reason?: ResidencyRefusal['reason']
}

export interface MatchedOffer<Known extends KnownOffer> {
  readonly known: Known
  readonly model: OfferedModel
  readonly evidenceLevel: number
}

export interface Match<Known extends KnownOffer> {
  /** Best first: cheapest output, then input, then more free slots. */
  readonly candidates: readonly MatchedOffer<Known>[]
  readonly excluded: readonly (MatchedOffer<Known> & { readonly reasons: readonly Exclusion[] })[]
}

/** Explains which offers fit a requirement, and for every other one why not and what would change it. */
export function matchOffers<Known extends KnownOffer>(
  offers: readonly Known[],
  requirement: Requirement,
): Match<Known> {
  const candidates: MatchedOffer<Known>[] = []
  const excluded: (MatchedOffer<Known> & { reasons: Exclusion[] })[] = []
  for (const known of offers) {
    for (const model of modelsOf(known.offer, requirement.model)) {
      const { provider, country } = known.offer
      const { trustedAttestors } = requirement.residency
      const level = provenLevel(
        provider,
        country,
        known.attestations,
        trustedAttestors,
        requirement.now,
      )
      const reasons = exclusionsOf(known, model, requirement)
      const matched = { known, model, evidenceLevel: level }
      if (reasons.length === 0) candidates.push(matched)
      else excluded.push({ ...matched, reasons })
    }
  }
  candidates.sort(byPrice)
  return { candidates, excluded }
}

/** “0 of 12: 7 residency, 3 price, 2 context”. */
export function summarize(match: Match<KnownOffer>): string {
  const counts = new Map<ExclusionCode, number>()
  for (const { reasons } of match.excluded) {
    const code = reasons[0]?.code
    if (code !== undefined) counts.set(code, (counts.get(code) ?? 0) + 1)
  }
  const total = match.candidates.length + match.excluded.length
  const why = [...counts].map(([code, count]) => `${count} ${code}`).join(', ')
  return `${match.candidates.length} of ${total}${why === '' ? '' : `: ${why}`}`
}

function modelsOf(offer: Offer, name: string | undefined): readonly OfferedModel[] {
  if (name === undefined) return offer.models
  const model = findModel(offer, name)
  return model === undefined ? [] : [model]
}

/** What a model is offered for; an engine that does not tell speaks what all of them speak. */
export function kindsOf({ capabilities }: OfferedModel): readonly RequestKind[] {
  const told = REQUEST_KINDS.filter((kind) => capabilities.includes(kind))
  return told.length === 0 ? ['chat'] : told
}

function exclusionsOf(
  known: KnownOffer,
  model: OfferedModel,
  requirement: Requirement,
): Exclusion[] {
  const { offer } = known
  const { now, maxInputPrice, maxOutputPrice, contextTokens, kind } = requirement
  const reasons: Exclusion[] = []
  const residency = explainRegion(known, requirement)
  if (residency !== undefined) reasons.push(residency)
  const listed = explainLists(offer.provider, requirement)
  if (listed !== undefined) reasons.push(listed)
  if (offer.notAfter <= now) {
    reasons.push({
      code: 'expired',
      message: 'the offer has expired',
      change: 'the provider renews it',
    })
  }
  if (maxInputPrice !== undefined && model.inputPrice > maxInputPrice) {
    reasons.push(explainPrice('input', model.inputPrice, maxInputPrice))
  }
  if (maxOutputPrice !== undefined && model.outputPrice > maxOutputPrice) {
    reasons.push(explainPrice('output', model.outputPrice, maxOutputPrice))
  }
  if (contextTokens !== undefined && contextTokens > model.contextLength) {
    reasons.push({
      code: 'context',
      message: `${contextTokens} tokens asked for, ${model.contextLength} are the most`,
      change: 'shorten the prompt, or lower max_tokens',
    })
  }
  if (kind !== undefined && !kindsOf(model).includes(kind)) {
    reasons.push({
      code: 'kind',
      message: `offered for ${kindsOf(model).join(', ')}, not for ${kind}`,
      change: `ask for a model that is offered for ${kind}`,
    })
  }
  return reasons
}

/** The policy first, then what the request asks for within it. */
function explainRegion(
  { offer, attestations, revoked, forged }: KnownOffer,
  { residency, narrowed, now }: Requirement,
): Exclusion | undefined {
  const { provider: peerId, country } = offer
  const shown = {
    peerId,
    country,
    attestations,
    ...(revoked !== undefined && { revoked }),
    ...(forged !== undefined && { forged }),
  }
  const refusal =
    refusePlace(shown, residency, now, 'the residency policy') ??
    (narrowed && refusePlace(shown, { ...residency, allow: [], ...narrowed }, now, 'the request'))
  return refusal && { code: 'residency', ...refusal }
}

function explainLists(
  provider: string,
  { only, ignore }: Pick<Requirement, 'only' | 'ignore'>,
): Exclusion | undefined {
  if (ignore?.includes(provider) === true) {
    const message = 'the request says to ignore this provider'
    return { code: 'provider', message, change: 'take it from the list of those to ignore' }
  }
  if (only === undefined || only.includes(provider)) return undefined
  const message = `the request allows ${only.length} providers only, and this is another`
  return { code: 'provider', message, change: 'add it to the list of those to ask' }
}

function explainPrice(side: 'input' | 'output', price: PicoEuro, max: PicoEuro): Exclusion {
  return {
    code: 'price',
    message: `${side} costs ${formatPrice(price)}, the limit is ${formatPrice(max)}`,
    change: `raise the ${side} price limit to ${formatPrice(price)}`,
  }
}

function byPrice(a: MatchedOffer<KnownOffer>, b: MatchedOffer<KnownOffer>): number {
  const difference =
    a.model.outputPrice - b.model.outputPrice || a.model.inputPrice - b.model.inputPrice
  if (difference !== 0n) return difference < 0n ? -1 : 1
  return b.model.freeSlots - a.model.freeSlots
}
