import {
  type Named,
  type PeerId,
  type RegionAttestation,
  type Residency,
  regionAttestation,
  type SignedRecord,
  type Signer,
  signerOf,
  signRecord,
} from '@hanse/protocol'
import { Random } from '../kernel/index.ts'
import { EPOCH, type ProviderPlan } from './scenario.ts'

export const NETWORK = 'simulation'
export const CONTEXT = { network: NETWORK } as const

const signers = new Map<string, Signer>()

/** The key of a role: the same in every run, for making keys costs more than using them. */
export function signerNamed(name: string): Signer {
  let signer = signers.get(name)
  if (signer === undefined) {
    signer = signerOf(new Random(`key of ${name}`).bytes(32))
    signers.set(name, signer)
  }
  return signer
}

export const SETTLEMENT: Signer = signerNamed('settlement')
/** An attestor and a settlement that nobody here trusts. */
export const IMPOSTOR: Signer = signerNamed('impostor')

export type SignedAttestation = Named<RegionAttestation> & SignedRecord

const HOUR_MS = 3_600_000

/** What a provider shows. The forged one names settlement, and is signed by another. */
export function attestationOf(plan: ProviderPlan): SignedAttestation | undefined {
  const { attestation: kind, country, name } = plan
  if (kind === 'none') return undefined
  const shown = kind === 'elsewhere' ? (country === 'DE' ? 'FR' : 'DE') : country
  const since = EPOCH + plan.payableSince
  const value: RegionAttestation = {
    subject: signerNamed(kind === 'wrong-subject' ? 'somebody' : name).peerId,
    country: shown,
    evidence: [{ kind: 'payout-account', account: `acct_${name}`, country: shown }],
    level: 3,
    notBefore: kind === 'not-yet-valid' ? EPOCH + HOUR_MS : since,
    notAfter: kind === 'expired' ? since + 1 : EPOCH + 24 * HOUR_MS,
    issuer: kind === 'untrusted' ? IMPOSTOR.peerId : SETTLEMENT.peerId,
  }
  const signer = kind === 'untrusted' || kind === 'forged' ? IMPOSTOR : SETTLEMENT
  return signRecord(CONTEXT, regionAttestation, value, 'attestor', signer)
}

const EEA_ONLY = ['NO']
const EU = ['DE', 'FR']

/**
 * Whether a provider satisfies a policy in truth, told without the rules under test: by the plan of the world.
 *
 * @param now the clock of whoever decides, milliseconds since 1970
 */
export function satisfies(plan: ProviderPlan, residency: Residency, now: number): boolean {
  const shown = now >= EPOCH + plan.payableSince
  if (plan.attestation === 'forged' || (plan.attestation === 'elsewhere' && shown)) return false
  if (!isInside(plan, residency)) return false
  const level = shown ? ownLevel(plan) : 0
  return residency.minLevel === 0 || level >= residency.minLevel
}

/** Whether a provider that knows its own place and evidence may take an order with this policy. */
export function mayServe(plan: ProviderPlan, residency: Residency): boolean {
  return (
    isInside(plan, residency) && (residency.minLevel === 0 || ownLevel(plan) >= residency.minLevel)
  )
}

function isInside(plan: ProviderPlan, { allow }: Residency): boolean {
  const inside = (region: string) =>
    region === plan.country ||
    (EU.includes(plan.country) && (region === 'EU' || region === 'EEA')) ||
    (EEA_ONLY.includes(plan.country) && region === 'EEA')
  return allow.length === 0 || allow.some(inside)
}

/** The level of what settlement attested to a provider, whatever its own clock says: as node takes it. */
export function ownLevel({ attestation }: ProviderPlan): number {
  return attestation === 'valid' ? 3 : 0
}

export const peer = (name: string): PeerId => signerNamed(name).peerId
