import {
  asksForPlace,
  CLOCK_SKEW_MS,
  checkResidency,
  cidOf,
  type ErrorCode,
  type PicoEuro,
  picoEuro,
  type RegionAttestation,
  type Residency,
  regionAttestation,
} from '@hanse/protocol'
import type { Claim } from './claim.ts'
import type { KnownAttestation } from './known-attestations.ts'

/** What the store knows of the authorization that an order cites. */
export interface AuthorizationFacts {
  readonly serial: bigint
  readonly consumer: string
  readonly provider: string
  readonly organization: string
  /** Pico-euro that it may still pay. */
  readonly remaining: PicoEuro
  readonly notAfter: number
  /** Its unused hold was given back. */
  readonly closed: boolean
  /** Where the organization lets what it pays for be processed, whatever the order says. */
  readonly residency?: Residency | undefined
}

/** What was booked of a session so far. */
export interface SessionFacts {
  readonly consumer: string
  readonly provider: string
  /** Serial of the authorization that paid it. */
  readonly serial: bigint | null
  readonly sequence: bigint
  readonly amount: PicoEuro
  readonly fee: PicoEuro
  readonly feeBps: number
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** Both sides signed two receipts with one number, and the operator has not decided yet. */
  readonly frozen?: boolean
}

export interface ProviderFacts {
  readonly country: string
  readonly account: string | null
  readonly payableSince: number | null
  readonly feeBps: number
  /** Since when this service attests nothing of it whatever its account is; see `withheldSince`. */
  readonly withheldSince?: number | undefined
  /** What this service attested of it, where that had to be looked up. */
  readonly attested?: readonly KnownAttestation[] | undefined
}

/** Who the two sides are to this service. */
export interface PartyFacts {
  readonly authorization: AuthorizationFacts | undefined
  readonly provider: ProviderFacts | undefined
  /** The organization that the consumer is bound to. */
  readonly organization: string | undefined
}

export interface BookingFacts extends PartyFacts {
  /** CID of the receipt that is stored under this sequence number, if any. */
  readonly seen: string | undefined
  readonly session: SessionFacts | undefined
  /** The claim is a line of a statement whose lane is frozen. */
  readonly laneFrozen?: boolean
}

export interface BookingPolicy {
  readonly settlement: string
  readonly trustedAttestors: readonly string[]
}

interface Rejected {
  readonly status: 'rejected'
  readonly code: ErrorCode
  readonly message: string
}

export type Booking =
  | { readonly status: 'duplicate' }
  /** A later receipt is booked; this one is kept, and posts nothing. */
  | { readonly status: 'superseded' }
  | {
      readonly status: 'booked'
      /** Pico-euro over what was booked before: what is posted. */
      readonly increase: PicoEuro
      /** Of it, the platform's. */
      readonly feeIncrease: PicoEuro
      readonly feeBps: number
    }
  | Rejected

/**
 * Decides what a verified claim does, in a fixed order: a resend finds its own success before any rule that may
 * have turned against it since.
 */
export function decideBooking(claim: Claim, facts: BookingFacts, policy: BookingPolicy): Booking {
  const { session } = facts
  // By its receipt a session has one authorization for good; two statements could say two.
  if (session !== undefined && session.serial !== (facts.authorization?.serial ?? null)) {
    return reject('HANSE_RECEIPT_LINK', 'the session is booked under another authorization')
  }
  if (facts.seen === claim.receipt) return { status: 'duplicate' }
  if (facts.seen !== undefined) {
    return reject('HANSE_RECEIPT_EQUIVOCATION', `sequence ${claim.sequence} is ${facts.seen}`)
  }
  if (session?.frozen === true) {
    return reject('HANSE_SESSION_FROZEN', 'two receipts of the session have one number')
  }
  if (facts.laneFrozen === true) {
    return reject('HANSE_STATEMENT_FROZEN', 'two statements of the lane have one number')
  }
  if (session !== undefined && claim.sequence < session.sequence) return { status: 'superseded' }
  if (
    session !== undefined &&
    (claim.amount < session.amount ||
      claim.inputTokens < session.inputTokens ||
      claim.outputTokens < session.outputTokens)
  ) {
    return reject('HANSE_RECEIPT_CHAIN', 'it counts less than a receipt before it')
  }
  const fault = residencyFault(claim, facts, policy)
  if (fault !== undefined) return reject('HANSE_POLICY_RESIDENCY', fault)
  return claim.authorization === null
    ? { status: 'booked', increase: ZERO, feeIncrease: ZERO, feeBps: 0 }
    : decidePaid(claim, facts)
}

/** Both sides must be known here, and what is to pay must be this service's own word to these two. */
export function knownParties(
  claim: Pick<Claim, 'consumer' | 'provider'>,
  { authorization, organization, provider }: PartyFacts,
): Rejected | { status: 'known'; authorization: AuthorizationFacts; provider: ProviderFacts } {
  if (organization === undefined) return reject('HANSE_CONSUMER_UNKNOWN', claim.consumer)
  if (provider === undefined) return reject('HANSE_PROVIDER_UNKNOWN', claim.provider)
  if (
    authorization === undefined ||
    authorization.consumer !== claim.consumer ||
    authorization.provider !== claim.provider ||
    authorization.organization !== organization
  ) {
    return reject('HANSE_AUTHORIZATION_INVALID', 'not issued here for these two peers')
  }
  return { status: 'known', authorization, provider }
}

function decidePaid(claim: Claim, facts: BookingFacts): Booking {
  const parties = knownParties(claim, facts)
  if (parties.status === 'rejected') return parties
  const { authorization, provider } = parties
  const { session } = facts
  if (claim.acceptedAt >= authorization.notAfter) {
    return reject('HANSE_AUTHORIZATION_EXPIRED', 'the authorization had ended')
  }
  if (authorization.closed) {
    return reject('HANSE_HOLD_RELEASED', 'what was left of the hold was given back')
  }
  const increase = claim.amount - (session?.amount ?? 0n)
  if (increase > authorization.remaining) {
    return reject('HANSE_RECEIPT_LIMIT', `${authorization.remaining} pico-euro are left`)
  }
  // The rate of a session is the one it began with; the fee is of the total, so that in how many steps it was booked
  // makes no difference.
  const feeBps = session?.feeBps ?? provider.feeBps
  return {
    status: 'booked',
    increase: picoEuro(increase),
    feeIncrease: picoEuro(feeOf(claim.amount, feeBps) - (session?.fee ?? 0n)),
    feeBps,
  }
}

/** The platform's part of an amount: rounded down to whole pico-euro. */
export function feeOf(amount: bigint, bps: number): PicoEuro {
  return picoEuro((amount * BigInt(bps)) / 10_000n)
}

/** Holds both the order's policy and the payer's against what this service knows of the provider, as of the acceptance. */
function residencyFault(
  claim: Claim,
  { authorization, provider }: BookingFacts,
  { settlement, trustedAttestors }: BookingPolicy,
): string | undefined {
  const policies = [claim.residency, authorization?.residency]
    .filter((one) => one !== undefined)
    .filter(asksForPlace)
  if (policies.length === 0) return undefined
  const { provider: peerId, acceptedAt, attestation } = claim
  const country = provider?.country ?? attestation?.country
  if (country === undefined) return 'nothing is known of where the provider is'
  const attestations = attestationsOf(claim, provider, settlement)
  for (const policy of policies) {
    const asked = { ...policy, trustedAttestors }
    const fault = checkResidency({ peerId, country }, attestations, asked, acceptedAt)
    if (fault !== undefined) return JSON.stringify(fault)
  }
  return undefined
}

/** What the provider came with, and what this service says of it: less what it no longer said at the time of the session. */
function attestationsOf(
  { provider: peerId, acceptedAt, attestation }: Claim,
  provider: ProviderFacts | undefined,
  settlement: string,
): readonly RegionAttestation[] {
  const isPast = (since: number | null | undefined) =>
    typeof since === 'number' && acceptedAt >= since + HEARD_MS
  const { attested = [], withheldSince, country } = provider ?? {}
  const isWithheld = isPast(withheldSince)
  const isRevoked = (shown: RegionAttestation) =>
    shown.issuer === settlement &&
    attested.some((one) => isPast(one.revokedAt) && isSame(one, shown))
  const account = provider && ownAttestation(peerId, provider, settlement)
  const given = attested.filter((one) => !isPast(one.revokedAt)).map(({ value }) => value)
  return [
    ...(account === undefined ? [] : [account]),
    // Of another country it was attested before it moved.
    ...given.filter((one) => one.country === country),
    ...(attestation === null || isRevoked(attestation) ? [] : [attestation]),
  ].filter(({ issuer }) => !isWithheld || issuer !== settlement)
}

const isSame = ({ name }: KnownAttestation, shown: RegionAttestation): boolean =>
  cidOf(regionAttestation.encode(shown)).toString() === name

/** Consumers hear of a revocation within half a minute, and clocks differ: what they bought until then is paid. */
const HEARD_MS = 60_000 + CLOCK_SKEW_MS

/** What this service would attest of a provider whose payout account Stripe verified. */
function ownAttestation(
  subject: string,
  { country, account, payableSince }: ProviderFacts,
  issuer: string,
): RegionAttestation | undefined {
  if (account === null || payableSince === null) return undefined
  return {
    subject: subject as RegionAttestation['subject'],
    country,
    evidence: [{ kind: 'payout-account', account, country }],
    level: 3,
    // The acceptance is dated by the provider's clock, which may be slow: its first sessions count too.
    notBefore: payableSince - CLOCK_SKEW_MS,
    notAfter: Number.MAX_SAFE_INTEGER,
    issuer: issuer as RegionAttestation['issuer'],
  }
}

const ZERO = picoEuro(0n)
const reject = (code: ErrorCode, message: string): Rejected => ({
  status: 'rejected',
  code,
  message,
})
