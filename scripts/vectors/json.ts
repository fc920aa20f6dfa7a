import { isRecordCid, type SignedRecord } from '@hanse/protocol'
import { toHex } from '@hanse/protocol/testing'

/** One file of vectors: what it holds, and how to use it. */
export interface VectorFile {
  readonly about: string
  readonly [name: string]: unknown
}

/** Peers by the names that the vectors call them. */
export const NAMES = ['consumer', 'provider', 'settlement', 'attestor', 'stranger'] as const

/**
 * A DAG-CBOR value as JSON that can be turned into the same bytes without knowing its type: bytes are `{hex}`, links
 * `{link}`, integers beyond 2⁵³ `{int}` as a decimal.
 */
export function tagged(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: toHex(value) }
  if (isRecordCid(value)) return { link: value.toString() }
  if (typeof value === 'bigint') {
    return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
      ? Number(value)
      : { int: value.toString() }
  }
  if (Array.isArray(value)) return value.map(tagged)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, tagged(item)]))
}

/** A signed record as JSON, without what it decodes to. */
export function signedJson({ bytes, signatures }: SignedRecord) {
  return {
    bytes: toHex(bytes),
    signatures: signatures.map(({ signer, role, signature }) => ({
      signer,
      role,
      signature: toHex(signature),
    })),
  }
}
