import { HanseError, isInRegion, type PicoEuro, type ResidencyPolicy } from '@hanse/protocol'
import type { RequestPolicy } from './request.ts'

type Limits = Pick<
  RequestPolicy,
  'regions' | 'minLevel' | 'evidence' | 'maxInputPrice' | 'maxOutputPrice'
>

/**
 * What both a request and its limits allow.
 *
 * @throws {HanseError} HANSE_POLICY_RESIDENCY when there is no place that both allow
 */
export function narrowed(policy: RequestPolicy, limits: Limits | undefined): RequestPolicy {
  if (limits === undefined) return policy
  const regions = commonRegions(policy.regions, limits.regions)
  const maxInputPrice = lowest(policy.maxInputPrice, limits.maxInputPrice)
  const maxOutputPrice = lowest(policy.maxOutputPrice, limits.maxOutputPrice)
  return {
    ...policy,
    ...(regions === undefined ? {} : { regions }),
    ...evidenceOf(policy, limits),
    ...(maxInputPrice === undefined ? {} : { maxInputPrice }),
    ...(maxOutputPrice === undefined ? {} : { maxOutputPrice }),
  }
}

/** The higher level, and all kinds that either asks for. */
function evidenceOf(one: Limits, other: Limits): Pick<RequestPolicy, 'minLevel' | 'evidence'> {
  const levels = [one.minLevel, other.minLevel].filter((level) => level !== undefined)
  const kinds = new Set([...(one.evidence ?? []), ...(other.evidence ?? [])])
  return {
    ...(levels.length > 0 && { minLevel: Math.max(...levels) }),
    ...(kinds.size > 0 && { evidence: [...kinds] }),
  }
}

/** Regions that lie in both lists; an empty list is anywhere, and stays so only when both are. */
function commonRegions(
  one: ResidencyPolicy['allow'] | undefined,
  other: ResidencyPolicy['allow'] | undefined,
): ResidencyPolicy['allow'] | undefined {
  if (one === undefined || one.length === 0) return other ?? one
  if (other === undefined || other.length === 0) return one
  const common = new Set([
    ...one.filter((region) => other.some((wider) => isWithin(region, wider))),
    ...other.filter((region) => one.some((wider) => isWithin(region, wider))),
  ])
  if (common.size > 0) return [...common]
  throw new HanseError(
    'HANSE_POLICY_RESIDENCY',
    `the request may go to ${one.join(', ')} and its key to ${other.join(', ')}: nowhere is both`,
  )
}

function isWithin(region: string, wider: string): boolean {
  return region === wider || (region === 'EU' && wider === 'EEA') || isInRegion(region, wider)
}

function lowest(one: PicoEuro | undefined, other: PicoEuro | undefined): PicoEuro | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
