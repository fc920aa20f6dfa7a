import {
  type Acceptance,
  acceptance,
  acceptanceSigners,
  attestationSigners,
  authorizationSigners,
  HanseError,
  type Named,
  type Order,
  openCommitted,
  openSigned,
  order,
  orderSigners,
  type PeerId,
  priceTokens,
  type Receipt,
  type RegionAttestation,
  receipt,
  receiptSigners,
  regionAttestation,
  type SignedRecord,
  spendAuthorization,
} from '@hanse/protocol'
import type { Claim } from './claim.ts'
import { OpenedRecords } from './opened-records.ts'
import { encodeSigned, type Submission } from './submission.ts'

/** What verification needs to know besides the bytes. */
export interface VerifyContext {
  readonly network: string
  /** This service: the only issuer of authorizations it honours. */
  readonly settlement: PeerId
  /** Whose word on a country counts. */
  readonly trustedAttestors: readonly string[]
  /** Milliseconds since 1970. */
  readonly now: number
  /** How long after an acceptance ended its receipts are still settled, milliseconds. */
  readonly receiptGraceMs: number
  /** Authorizations and attestations that were opened before, where many submissions are verified. */
  readonly records?: OpenedRecords
}

/**
 * How far ahead of this service's a provider's clock may be. Peers are stricter with each other; whoever is further off
 * is told to set the clock, and settled when the time has come.
 */
const EARLY_MS = 15 * 60_000

/** Whether an acceptance is dated so far in the future that it is not settled yet. */
export const isEarly = (acceptedAt: number, now: number): boolean => acceptedAt > now + EARLY_MS

/**
 * Checks everything about a submission that can be checked without the store. Costs two signature checks, and two more
 * for an authorization and an attestation that were not opened before: the receipt names the acceptance, and that the
 * order, by their hashes, so who signed the receipt has signed for every byte of them. That is all that money is moved on.
 *
 * @throws {HanseError} with the code that the sender is told
 */
export function verifySubmission(signed: Submission, context: VerifyContext): Claim {
  const records = context.records ?? new OpenedRecords(context.network)
  const ordered = openCommitted(order, signed.order, orderSigners)
  const accepted = openCommitted(acceptance, signed.acceptance, acceptanceSigners)
  const signers = receiptSigners(ordered.value.consumer, ordered.value.provider)
  const received = openSigned(context, receipt, signed.receipt, signers)
  checkLinks(ordered, accepted, received.value)
  checkCounts(ordered.value, accepted.value, received.value)
  if (isEarly(accepted.value.at, context.now)) {
    throw new HanseError('HANSE_RECEIPT_EARLY', 'the acceptance is dated in the future')
  }
  if (accepted.value.notAfter + context.receiptGraceMs < context.now) {
    throw new HanseError('HANSE_RECEIPT_EXPIRED', 'the grace period after the session has passed')
  }
  checkAuthorization(ordered.value, signed.authorization, context, records)
  return {
    session: ordered.cid.toString(),
    authorization: ordered.value.authorization?.toString() ?? null,
    receipt: received.cid.toString(),
    consumer: ordered.value.consumer,
    provider: ordered.value.provider,
    model: ordered.value.model,
    residency: ordered.value.residency,
    acceptedAt: accepted.value.at,
    sequence: received.value.sequence,
    amount: received.value.amount,
    inputTokens: received.value.inputTokens,
    cachedInputTokens: received.value.cachedInputTokens,
    outputTokens: received.value.outputTokens,
    final: received.value.final,
    attestation: openAttestation(ordered.value, signed.attestation, context, records),
    evidence: {
      signedOrder: encodeSigned(signed.order),
      signedAcceptance: encodeSigned(signed.acceptance),
      signedReceipt: encodeSigned(signed.receipt),
    },
    statement: null,
  }
}

function checkLinks(ordered: Named<Order>, accepted: Named<Acceptance>, received: Receipt): void {
  if (!accepted.value.order.equals(ordered.cid)) {
    throw new HanseError('HANSE_RECEIPT_LINK', 'the acceptance is of another order')
  }
  if (
    accepted.value.consumer !== ordered.value.consumer ||
    accepted.value.provider !== ordered.value.provider
  ) {
    throw new HanseError('HANSE_RECEIPT_LINK', 'the acceptance names other peers')
  }
  if (!received.acceptance.equals(accepted.cid)) {
    throw new HanseError('HANSE_RECEIPT_LINK', 'the receipt is of another acceptance')
  }
  if ((received.sequence === 0n) !== (received.previous === null)) {
    throw new HanseError('HANSE_RECEIPT_CHAIN', 'only the first receipt has none before it')
  }
}

function checkCounts(ordered: Order, accepted: Acceptance, received: Receipt): void {
  if (
    accepted.inputTokens > ordered.maxInputTokens ||
    received.inputTokens > accepted.inputTokens ||
    received.cachedInputTokens > received.inputTokens ||
    received.outputTokens > ordered.maxOutputTokens
  ) {
    throw new HanseError('HANSE_RECEIPT_TOKENS', 'more tokens than were ordered or accepted')
  }
  const expected = priceTokens(ordered, received)
  if (received.amount !== expected) {
    throw new HanseError('HANSE_RECEIPT_AMOUNT', `expected ${expected}, got ${received.amount}`)
  }
}

/** What was sent along must fit; whether we issued what the order cites is the store's to say. */
function checkAuthorization(
  ordered: Order,
  signed: SignedRecord | null,
  context: VerifyContext,
  records: OpenedRecords,
): void {
  if (ordered.authorization === null) {
    if (ordered.inputPrice > 0n || ordered.outputPrice > 0n) {
      throw new HanseError(
        'HANSE_AUTHORIZATION_REQUIRED',
        'the order has a price and no authorization',
      )
    }
    return
  }
  if (signed === null) return
  const opened = records.open(context, spendAuthorization, signed, authorizationSigners)
  if (!opened.cid.equals(ordered.authorization)) {
    throw new HanseError('HANSE_RECEIPT_LINK', 'the order cites another authorization')
  }
  if (opened.value.issuer !== context.settlement) {
    throw new HanseError('HANSE_AUTHORIZATION_INVALID', 'another settlement issued it')
  }
}

function openAttestation(
  ordered: Order,
  signed: SignedRecord | null,
  context: VerifyContext,
  records: OpenedRecords,
): RegionAttestation | null {
  if (signed === null) return null
  const { value } = records.open(context, regionAttestation, signed, attestationSigners)
  if (value.subject !== ordered.provider) {
    throw new HanseError('HANSE_RECEIPT_LINK', 'the attestation is of another peer')
  }
  return value
}
