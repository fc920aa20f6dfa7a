import { verifyEd25519 } from '../identity/ed25519.ts'
import type { Signer } from '../identity/keys.ts'
import { publicKeyOfPeer } from '../identity/peer-id.ts'
import { concat, utf8 } from '../wire.ts'
import { formatSignatureLine } from './note-lines.ts'
import { formatVerifierKey, keyIdOf } from './verifier-key.ts'

/** C2SP tlog-cosignature: the time must not exceed 2⁶³ − 1. */
const TIME_END = 2n ** 63n
const TIME_BYTES = 8
const SIGNATURE_BYTES = 64

/** A witness's key. What it signs does not name it, so one key serves one cosigner and nothing else. */
export interface Cosigner {
  readonly name: string
  readonly vkey: string
  /**
   * A signature line, without its newline, that says: at this time this was the largest consistent tree that I saw.
   *
   * @throws {RangeError} when `timeSeconds` is no POSIX time below 2⁶³
   */
  cosign(text: string, timeSeconds: bigint): string
}

/** @throws {HanseError} HANSE_LOG_KEY when the name is not one for notes */
export function cosignerOf(name: string, signer: Signer): Cosigner {
  const publicKey = publicKeyOfPeer(signer.peerId)
  const keyId = keyIdOf(name, 'cosignature', publicKey)
  return {
    name,
    vkey: formatVerifierKey(name, 'cosignature', publicKey),
    cosign: (text, timeSeconds) => {
      if (timeSeconds < 0n || timeSeconds >= TIME_END) {
        throw new RangeError(`timeSeconds: ${timeSeconds}`)
      }
      const signature = signer.sign(cosignedMessage(text, timeSeconds))
      return formatSignatureLine(name, keyId, concat([u64(timeSeconds), signature]))
    },
  }
}

/**
 * The time at which `publicKey` cosigned the text, or `undefined` when it did not.
 *
 * @param blob what follows the key id in the signature line: eight bytes of time and an Ed25519 signature
 */
export function verifyCosignature(
  publicKey: Uint8Array,
  text: string,
  blob: Uint8Array,
): bigint | undefined {
  if (blob.byteLength !== TIME_BYTES + SIGNATURE_BYTES) return undefined
  const time = new DataView(blob.buffer, blob.byteOffset, TIME_BYTES).getBigUint64(0)
  if (time >= TIME_END) return undefined
  const message = cosignedMessage(text, time)
  return verifyEd25519(publicKey, message, blob.subarray(TIME_BYTES)) ? time : undefined
}

/** Two lines before the whole text of the checkpoint (C2SP tlog-cosignature, Ed25519 signed message). */
function cosignedMessage(text: string, timeSeconds: bigint): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timeSeconds}\n${text}`)
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}
