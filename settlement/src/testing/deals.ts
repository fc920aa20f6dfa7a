import {
  type Acceptance,
  ANYWHERE,
  acceptance,
  cidOf,
  encodeCanonical,
  type Order,
  order,
  type PicoEuro,
  picoEuro,
  priceTokens,
  type Receipt,
  type Residency,
  receipt,
  type SignedRecord,
  type Signer,
  signBytes,
  signerOf,
  signRecord,
} from '@hanse/protocol'
import type { Submission } from '../receipts/submission.ts'

/** Sessions between any two peers, as nodes would submit them, for tests of this and the test workspace. */

let signers = 0
/** A signer that no other test has. */
export function newSigner(): Signer {
  signers++
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, signers)
  seed[31] = 7
  return signerOf(seed)
}

export interface DealTerms {
  readonly network: string
  readonly consumer: Signer
  readonly provider: Signer
  /** Milliseconds since 1970. */
  readonly at: number
  readonly authorization?: SignedRecord
  /** Pico-euro per token. */
  readonly inputPrice?: PicoEuro
  readonly outputPrice?: PicoEuro
  readonly residency?: Residency
  readonly orderChanges?: Partial<Order>
  readonly acceptanceChanges?: Partial<Acceptance>
}

export interface Deal {
  /** CID of the order. */
  readonly session: string
  readonly order: SignedRecord
  readonly acceptance: SignedRecord
  /** A doubly-signed receipt with everything that it rests on; ten input tokens. */
  readonly submission: (
    sequence: number,
    outputTokens: number,
    changes?: Partial<Receipt>,
  ) => Submission
}

let nonces = 0

/** An order that was accepted. */
export function makeDeal(terms: DealTerms): Deal {
  const { network, consumer, provider, at, authorization } = terms
  const context = { network }
  const nonce = new Uint8Array(16)
  new DataView(nonce.buffer).setUint32(0, ++nonces)
  const ordered = signRecord(
    context,
    order,
    {
      consumer: consumer.peerId,
      provider: provider.peerId,
      offer: cidOf(encodeCanonical('offer')),
      model: 'hanse/test-model:q4',
      maxInputTokens: 100n,
      maxOutputTokens: 1_000_000_000n,
      inputPrice: terms.inputPrice ?? picoEuro(100_000n),
      outputPrice: terms.outputPrice ?? picoEuro(200_000n),
      authorization: authorization === undefined ? null : cidOf(authorization.bytes),
      residency: terms.residency ?? ANYWHERE,
      promptCommitment: new Uint8Array(32),
      receiptEvery: 32n,
      creditWindow: picoEuro(10n ** 12n),
      deadlineMs: 60_000,
      issuedAt: at,
      notAfter: at + 60_000,
      nonce,
      quote: null,
      continues: null,
      ...terms.orderChanges,
    },
    'consumer',
    consumer,
  )
  const accepted = signRecord(
    context,
    acceptance,
    {
      order: ordered.cid,
      consumer: consumer.peerId,
      provider: provider.peerId,
      inputTokens: 10n,
      at,
      notAfter: at + 120_000,
      determinism: null,
      ...terms.acceptanceChanges,
    },
    'provider',
    provider,
  )
  return {
    session: ordered.cid.toString(),
    order: ordered,
    acceptance: accepted,
    submission: (sequence, outputTokens, changes = {}) => {
      const tokens = { inputTokens: 10n, outputTokens: BigInt(outputTokens) }
      const value: Receipt = {
        acceptance: accepted.cid,
        sequence: BigInt(sequence),
        previous: sequence === 0 ? null : cidOf(encodeCanonical(sequence - 1)),
        ...tokens,
        cachedInputTokens: 0n,
        amount: priceTokens(ordered.value, tokens),
        transcript: new Uint8Array(32),
        at: at + sequence,
        final: null,
        ...changes,
      }
      const signed = signRecord(context, receipt, value, 'provider', provider)
      const countersigned = signBytes(context, receipt, signed.bytes, 'consumer', consumer)
      return {
        order: ordered,
        acceptance: accepted,
        authorization: authorization ?? null,
        attestation: null,
        receipt: { bytes: signed.bytes, signatures: [...signed.signatures, countersigned] },
      }
    },
  }
}
