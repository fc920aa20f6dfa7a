import { hkdf32, sha256, utf8 } from './bytes.ts'

/** SHA-256 of the domain, a salt of the session's secret, and the digest. */
export function commitment(secret: Uint8Array, label: string, digest: Uint8Array): Uint8Array {
  return sha256(utf8('hanse/v1/commitment'), saltOf(secret, label), digest)
}

export const saltOf = (secret: Uint8Array, label: string): Uint8Array =>
  hkdf32(secret, `hanse/v1/salt/${label}`)

/** The states of the transcript after each payload. */
export function transcriptOf(payloads: readonly Uint8Array[]): Uint8Array[] {
  let state: Uint8Array = new Uint8Array(32)
  return payloads.map((payload) => {
    state = sha256(state, payload)
    return state
  })
}
