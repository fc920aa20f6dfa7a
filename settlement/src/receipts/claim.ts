import type { ErrorCode, PeerId, PicoEuro, RegionAttestation, Residency } from '@hanse/protocol'

/**
 * What one session comes to, by records whose bytes, signatures, links and arithmetic hold, as plain data that can cross
 * to the store's thread. What is in the store has not been looked at yet.
 */
export interface Claim {
  /** CID of the order. */
  readonly session: string
  /** CID of the authorization that the order cites. */
  readonly authorization: string | null
  /** CID of the receipt. */
  readonly receipt: string
  readonly consumer: PeerId
  readonly provider: PeerId
  readonly model: string
  readonly residency: Residency
  /** Milliseconds since 1970. */
  readonly acceptedAt: number
  readonly sequence: bigint
  /** Cumulative, as are the tokens. */
  readonly amount: PicoEuro
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  readonly final: string | null
  readonly attestation: RegionAttestation | null
  /** Null for a line of a statement, which stands for the receipt by both signatures on the statement. */
  readonly evidence: ReceiptEvidence | null
  /** CID of the statement that it is a line of. */
  readonly statement: string | null
}

/** DAG-CBOR of the signed records, as they are kept. */
export interface ReceiptEvidence {
  readonly signedOrder: Uint8Array
  readonly signedAcceptance: Uint8Array
  readonly signedReceipt: Uint8Array
}

/** A session that is not booked, and why. */
export interface RefusedSession {
  readonly session: string
  readonly code: ErrorCode
  readonly message: string
}

/** A statement whose bytes, signatures, root and totals hold, with a claim for each of its lines. */
export interface StatementClaim {
  readonly cid: string
  /** CID. */
  readonly authorization: string
  readonly consumer: PeerId
  readonly provider: PeerId
  readonly lane: number
  readonly sequence: bigint
  /** CID. */
  readonly previous: string | null
  /** Cumulative over the lane. */
  readonly amount: PicoEuro
  /** Of its own sessions. */
  readonly sum: {
    readonly inputTokens: bigint
    readonly outputTokens: bigint
    readonly amount: PicoEuro
  }
  /** The record as it was signed. */
  readonly bytes: Uint8Array
  /** DAG-CBOR of the signed record, and of the list of its lines, as they are kept. */
  readonly signed: Uint8Array
  readonly lines: Uint8Array
  readonly claims: readonly Claim[]
  /** Sessions that are too old to be settled, or of the future. */
  readonly refused: readonly RefusedSession[]
}
