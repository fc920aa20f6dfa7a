import {
  narrowResidency,
  type PicoEuro,
  type RequestKind,
  type Requirement,
  type Residency,
  type ResidencyPolicy,
} from '@hanse/protocol'
import type { RequestPolicy } from '../request.ts'

/** What the owner of a node rules out. */
export interface OwnLimits {
  readonly residency: ResidencyPolicy
  readonly maxInputPrice: PicoEuro | undefined
  readonly maxOutputPrice: PicoEuro | undefined
}

/** What an offer has to satisfy: what the owner of the node demands, and what the request asks for on top. */
export function requirementOf(
  limits: OwnLimits,
  policy: RequestPolicy,
  { model, kind }: { readonly model?: string | undefined; readonly kind?: RequestKind | undefined },
  now: number,
): Requirement {
  const maxInputPrice = lowest(limits.maxInputPrice, policy.maxInputPrice)
  const maxOutputPrice = lowest(limits.maxOutputPrice, policy.maxOutputPrice)
  return {
    residency: limits.residency,
    narrowed: askedResidency(policy),
    ...(model !== undefined && { model }),
    ...(kind !== undefined && { kind }),
    ...(maxInputPrice !== undefined && { maxInputPrice }),
    ...(maxOutputPrice !== undefined && { maxOutputPrice }),
    ...(policy.only !== undefined && { only: policy.only }),
    ...(policy.ignore !== undefined && { ignore: policy.ignore }),
    now,
  }
}

/** Where a request may be processed; `undefined` when the node and the request have no place in common. */
export function residencyOf(own: Residency, policy: RequestPolicy): Residency | undefined {
  return narrowResidency(own, askedResidency(policy))
}

function askedResidency({ regions, minLevel, evidence }: RequestPolicy): Partial<Residency> {
  return {
    ...(evidence !== undefined && { evidence: [...evidence] }),
    ...(regions !== undefined && { allow: [...regions] }),
    ...(minLevel !== undefined && { minLevel }),
  }
}

function lowest(one: PicoEuro | undefined, other: PicoEuro | undefined): PicoEuro | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
