import { HanseError, parseCid, signedRecordSchema, verifySettlementProof } from '@hanse/protocol'

/** What the log of a settlement is held to have of a session. */
export type ClaimedSession = {
  /** CIDs of its order and of its last receipt. */
  readonly order: string
  readonly receipt: string
  readonly network: string
  /** Base64, as the service gives out its log's key. */
  readonly key: {
    readonly bytes: string
    readonly signatures: readonly { signer: string; role: string; signature: string }[]
  }
  /** DAG-CBOR of a `hanse.settlement-proof.v1`. */
  readonly proof: Uint8Array
}

export type SessionProof =
  | {
      readonly verified: true
      readonly index: bigint
      readonly size: bigint
      readonly origin: string
      readonly signer: string
      /** CID of the Statement that settled it; undefined where its receipt did. */
      readonly statement: string | undefined
      readonly at: number
    }
  | { readonly verified: false; readonly why: string }

/** The protocol's own verifier, in the page: it believes nothing but the signatures. It throws for nothing. */
export function checkSession({
  order,
  receipt,
  network,
  key,
  proof,
}: ClaimedSession): SessionProof {
  try {
    const signed = signedRecordSchema.parse({
      bytes: bytesOf(key.bytes),
      signatures: key.signatures.map(({ signer, role, signature }) => ({
        signer,
        role,
        signature: bytesOf(signature),
      })),
    })
    const found = verifySettlementProof(
      proof,
      { order: parseCid(order), receipt: parseCid(receipt) },
      { network, key: signed },
    )
    return {
      verified: true,
      index: found.index,
      size: found.checkpoint.size,
      origin: found.checkpoint.origin,
      signer: key.signatures[0]?.signer ?? '',
      statement: found.statement?.cid.toString(),
      at: found.event.value.at,
    }
  } catch (error) {
    const why = error instanceof HanseError ? `${error.code}: ${error.message}` : String(error)
    return { verified: false, why }
  }
}

const bytesOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
