import type { PeerId, PicoEuro, RegionAttestation, Residency } from '@hanse/protocol'

/**
 * A submission whose bytes, signatures, links and arithmetic hold, as plain data that can cross to the store's thread.
 * What is in the store has not been looked at yet.
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
  /** DAG-CBOR of the signed records, as they are kept. */
  readonly signedOrder: Uint8Array
  readonly signedAcceptance: Uint8Array
  readonly signedReceipt: Uint8Array
}
