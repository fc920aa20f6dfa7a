import { formatPrice, type PicoEuro } from '../money.ts'
import type { RegionAttestation } from '../region/attestation.ts'
import {
  checkResidency,
  provenLevel,
  type ResidencyFault,
  type ResidencyPolicy,
} from '../region/policy.ts'
import { findModel, type Offer, type OfferedModel } from './offer.ts'

/** An offer as a consumer knows it: opened, with the signature-checked attestations that it cites. */
export interface KnownOffer {
  readonly offer: Offer
  readonly attestations: readonly RegionAttestation[]
}

export interface Requirement {
  /** Model id or alias; every model when absent. */
  readonly model?: string
  readonly residency: ResidencyPolicy
  /** Highest acceptable prices, pico-euro per token. */
  readonly maxInputPrice?: PicoEuro
  readonly maxOutputPrice?: PicoEuro
  /** Prompt and answer together, tokens. */
  readonly contextTokens?: number
  readonly now: number
}

export type ExclusionCode = 'expired' | 'residency' | 'price' | 'context'

export interface Exclusion {
  readonly code: ExclusionCode
  /** What is in the way. */
  readonly message: string
  /** What would change it. */
  readonly change: string
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

function exclusionsOf(
  known: KnownOffer,
  model: OfferedModel,
  requirement: Requirement,
): Exclusion[] {
  const { offer, attestations } = known
  const { residency, now, maxInputPrice, maxOutputPrice, contextTokens } = requirement
  const reasons: Exclusion[] = []
  const node = { peerId: offer.provider, country: offer.country }
  const fault = checkResidency(node, attestations, residency, now)
  if (fault !== undefined) reasons.push(explainResidency(fault, residency))
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
  return reasons
}

function explainResidency(fault: ResidencyFault, policy: ResidencyPolicy): Exclusion {
  const allowed = policy.allow.join(', ')
  switch (fault.reason) {
    case 'outside':
      return {
        code: 'residency',
        message: `${fault.country} is outside ${allowed}`,
        change: `allow ${fault.country} in the residency policy`,
      }
    case 'attested-elsewhere':
      return {
        code: 'residency',
        message: `claims ${fault.country}, but is attested in ${fault.attested}`,
        change: 'the provider corrects its country',
      }
    case 'evidence':
      return {
        code: 'residency',
        message: `evidence of location is level ${fault.level}, the policy asks for ${fault.minLevel}`,
        change: 'the provider gets an attestation from an attestor you trust, or lower minLevel',
      }
  }
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
