import { createHash, randomBytes } from 'node:crypto'
import { openPersonal, SEAL_NONCE_BYTES, type Signer, sealPersonal } from '@hanse/protocol'

/** Who reads the database alone has no client's secret: the key comes of the service's own. */
export function sealSecret(signer: Signer, organization: string, secret: string): Uint8Array {
  const nonce = Uint8Array.from(randomBytes(SEAL_NONCE_BYTES))
  return sealPersonal(keyFor(signer, organization), nonce, Uint8Array.from(Buffer.from(secret)))
}

export const openSecret = (signer: Signer, organization: string, sealed: Uint8Array): string =>
  Buffer.from(openPersonal(keyFor(signer, organization), sealed)).toString('utf8')

/** An Ed25519 signature is the same each time, and known to nobody without the key. */
function keyFor(signer: Signer, organization: string): Uint8Array {
  const input = `hanse-settlement-sso-1\n${JSON.stringify([organization])}`
  const signature = signer.sign(Uint8Array.from(Buffer.from(input)))
  return Uint8Array.from(createHash('sha256').update(signature).digest())
}
