import type { PicoEuro, Residency } from '@hanse/protocol'
import type { SettlementCode } from '../errors.ts'
import { type LogFact, ownerOf } from '../log/log-fact.ts'

interface Asked {
  readonly organization: string
  readonly provider: string
  readonly limit: PicoEuro
  readonly by?: { readonly key: string; readonly member: string }
}

/** Who asked for money for sessions, under which rule of place. With whom is in the record. */
export const authorizationIssued = (
  cid: string,
  { organization, limit, by }: Asked,
  residency: Residency | undefined,
): LogFact => ({
  kind: 'authorization-issued',
  record: cid,
  owner: ownerOf('organization', organization),
  details: {
    organization,
    limit,
    ...whoOf(by),
    ...(residency !== undefined && { allow: residency.allow, minLevel: residency.minLevel }),
  },
})

/** Nothing else is kept of what was refused, so this says with whom it was to be. */
export const authorizationRefused = (
  { organization, provider, limit, by }: Asked,
  reason: SettlementCode,
): LogFact => ({
  kind: 'authorization-refused',
  record: null,
  owner: ownerOf('organization', organization),
  details: { organization, provider, limit, reason, ...whoOf(by) },
})

const whoOf = (by: Asked['by']) => ({
  ...(by !== undefined && by.key !== '' && { key: by.key }),
  ...(by !== undefined && by.member !== '' && { member: by.member }),
})

/** Of what may be asked for and is not given. What was asked wrongly is no refusal. */
export const REFUSALS: ReadonlySet<SettlementCode> = new Set<SettlementCode>([
  'HANSE_POLICY_REFUSED',
  'HANSE_BUDGET_EXHAUSTED',
  'HANSE_BUDGET_RESERVED',
  'HANSE_BALANCE_INSUFFICIENT',
  'HANSE_ORGANIZATION_IN_DEBT',
  'HANSE_LAWFUL_BASIS_REQUIRED',
  'HANSE_PROCESSING_RESTRICTED',
])

/** A gateway that is refused asks again at once, for each request it has. */
const AGAIN_MS = 60_000
const KNOWN_MAX = 10_000

/** Lets through the first of the same refusals of one process in a minute. */
export class RefusalsTold {
  readonly #told = new Map<string, number>()

  isNew({ organization, provider, by }: Asked, reason: SettlementCode, at: number): boolean {
    const key = [organization, provider, by?.key, by?.member, reason].join('\n')
    const last = this.#told.get(key)
    if (last !== undefined && at - last < AGAIN_MS && at >= last) return false
    if (this.#told.size >= KNOWN_MAX) this.#told.clear()
    this.#told.set(key, at)
    return true
  }
}
