import { publicKeyOf, signEd25519 } from './ed25519.ts'
import { type PeerId, peerIdOf } from './peer-id.ts'

/** A key pair that can sign. The seed never leaves this object by its own doing. */
export interface Signer {
  readonly peerId: PeerId
  sign(message: Uint8Array): Uint8Array
}

/** A signer from a 32-byte Ed25519 seed. @throws {RangeError} on another length */
export function signerOf(seed: Uint8Array): Signer {
  if (seed.byteLength !== 32) throw new RangeError(`seed of ${seed.byteLength} bytes`)
  const kept = Uint8Array.from(seed)
  return { peerId: peerIdOf(publicKeyOf(kept)), sign: (message) => signEd25519(kept, message) }
}
