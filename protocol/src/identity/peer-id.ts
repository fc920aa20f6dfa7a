import { base58btc } from 'multiformats/bases/base58'
import { HanseError } from '../errors.ts'
import { isStrictPoint } from './ed25519.ts'

/** An Ed25519 libp2p peer id in its base58 form, `12D3Koo…`. It carries the public key. */
export type PeerId = string & { readonly kind: 'peer-id' }

/** Identity multihash (00), 36 bytes, of the protobuf {type: Ed25519, data: 32 bytes} (libp2p peer-ids spec). */
const PREFIX = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20]

/** Characters of every such id: the first bytes are fixed, so the base58 form has one length. */
const TEXT_LENGTH = 52

export function peerIdOf(publicKey: Uint8Array): PeerId {
  return base58btc.baseEncode(Uint8Array.from([...PREFIX, ...publicKey])) as PeerId
}

/** The 32-byte key inside a peer id. @throws {HanseError} HANSE_PEER_ID_INVALID, also for keys of small order */
export function publicKeyOfPeer(peerId: string): Uint8Array {
  const known = cache.get(peerId)
  if (known !== undefined) return known
  // Decoding base58 is quadratic: a megabyte of it would hold the process for minutes.
  if (peerId.length !== TEXT_LENGTH) {
    throw new HanseError('HANSE_PEER_ID_INVALID', `${peerId.length} characters, not ${TEXT_LENGTH}`)
  }
  let bytes: Uint8Array
  try {
    bytes = base58btc.baseDecode(peerId)
  } catch (cause) {
    throw new HanseError('HANSE_PEER_ID_INVALID', 'not base58', { cause })
  }
  const key = bytes.subarray(PREFIX.length)
  if (!PREFIX.every((byte, i) => bytes[i] === byte) || !isStrictPoint(key)) {
    throw new HanseError('HANSE_PEER_ID_INVALID', 'not the id of an Ed25519 key')
  }
  // A longer text may decode to the same bytes; one peer has one name.
  if (peerIdOf(key) !== peerId) throw new HanseError('HANSE_PEER_ID_INVALID', 'not canonical')
  if (cache.size >= CACHE_MAX) cache.clear()
  cache.set(peerId, key)
  return key
}

export function isPeerId(text: string): text is PeerId {
  try {
    publicKeyOfPeer(text)
    return true
  } catch {
    return false
  }
}

/** Base58 is slow (quadratic); a node talks with few peers at a time. */
const CACHE_MAX = 4096
const cache = new Map<string, Uint8Array>()
