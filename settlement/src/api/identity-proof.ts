import { type PeerId, publicKeyOfPeer, type Signer, verifyEd25519 } from '@hanse/protocol'

// A service proves that it is the one with this key, to whoever is about to send it a token.

/** What the proof is of: the port stops a stranger from passing the question on to the service on another one. */
export interface IdentityQuestion {
  readonly network: string
  /** That was asked, on the service's machine. */
  readonly port: number
  /** Base64url; chosen anew for every question. */
  readonly nonce: string
}

/** 16 to 64 random bytes, as base64url. */
export const NONCE = /^[\w-]{22,86}$/u

export function proveIdentity(signer: Signer, question: IdentityQuestion): string {
  return Buffer.from(signer.sign(input(question))).toString('base64url')
}

export function isProven(peerId: PeerId, question: IdentityQuestion, proof: string): boolean {
  return verifyEd25519(publicKeyOfPeer(peerId), input(question), Buffer.from(proof, 'base64url'))
}

/**
 * A domain of its own: what is signed of a record begins with the length of `hanse/…`, so its second byte is an `h`,
 * and here it is an `a`.
 */
function input({ network, port, nonce }: IdentityQuestion): Uint8Array {
  return Buffer.from(`hanse-settlement-identity-1\n${JSON.stringify([network, port, nonce])}`)
}
