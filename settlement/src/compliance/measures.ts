import type { SettlementContext } from '../context.ts'
import { DEFAULT_COMPLIANCE } from './compliance-terms.ts'

/** A technical or organizational measure (Art. 32 GDPR), and whether it is there. */
export interface Measure {
  readonly name: MeasureName | 'named'
  readonly isOn: boolean
  /** A number, a host, or the operator's own words. */
  readonly detail: string | null
}

export const MEASURE_NAMES = [
  'no-prompts',
  'transport-api',
  'transport-database',
  'transport-mail',
  'sealed-fields',
  'disk-encryption',
  'access-roles',
  'second-factor',
  'passwords',
  'access-log',
  'transparency-log',
  'log-witnesses',
  'residency-attestations',
  'residency-landmarks',
  'retention-job',
  'two-operators',
  'payout-approval',
  'live-payments',
] as const
export type MeasureName = (typeof MEASURE_NAMES)[number]

/** What is on and what is not, as this installation runs. */
export function measuresOf(context: SettlementContext): Measure[] {
  const { facts, dataProtection } = context.compliance ?? DEFAULT_COMPLIANCE
  const always = (name: MeasureName): Measure => ({ name, isOn: true, detail: null })
  return [
    always('no-prompts'),
    {
      name: 'transport-api',
      isOn: context.publicUrl().startsWith('https:'),
      detail: hostOf(context.publicUrl()),
    },
    { name: 'transport-database', isOn: facts.databaseTls, detail: facts.database },
    {
      name: 'transport-mail',
      isOn: facts.mailHost !== null && facts.mailTls,
      detail: facts.mailHost,
    },
    always('sealed-fields'),
    // The program writes plain files: whether the disk is encrypted is the operator's.
    { name: 'disk-encryption', isOn: false, detail: null },
    always('access-roles'),
    always('second-factor'),
    always('passwords'),
    always('access-log'),
    { name: 'transparency-log', isOn: context.log !== undefined, detail: null },
    { name: 'log-witnesses', isOn: facts.witnesses > 0, detail: String(facts.witnesses) },
    always('residency-attestations'),
    { name: 'residency-landmarks', isOn: facts.landmarks > 0, detail: String(facts.landmarks) },
    always('retention-job'),
    always('two-operators'),
    { name: 'payout-approval', isOn: facts.approval, detail: null },
    { name: 'live-payments', isOn: facts.stripe === 'stripe', detail: facts.stripe },
    ...(dataProtection?.measures ?? []).map(
      (detail): Measure => ({ name: 'named', isOn: true, detail }),
    ),
  ]
}

const hostOf = (url: string): string => URL.parse(url)?.host ?? url
