import { sha256 } from '#crypto'
import { concat, utf8 } from '../wire.ts'

/** Bytes of the secret that travels with the prompt; destroying it makes every commitment of the session meaningless. */
export const SESSION_SECRET_BYTES = 32

/** What a commitment is about: the prompt, or the transcript at a receipt. */
export type Committed = 'prompt' | { readonly receipt: bigint }

/**
 * SHA-256(domain ‖ salt ‖ digest). Prompts can be guessed, so a plain hash would be a dictionary look-up; the salt comes
 * from the session's secret by HKDF (RFC 5869) and differs for each use.
 */
export function commit(secret: Uint8Array, what: Committed, digest: Uint8Array): Uint8Array {
  const label = what === 'prompt' ? 'prompt' : `receipt/${what.receipt}`
  return sha256(concat([DOMAIN, saltOf(secret, label), digest]))
}

/** Commits to a request body. */
export function commitPrompt(secret: Uint8Array, body: Uint8Array): Uint8Array {
  return commit(secret, 'prompt', sha256(body))
}

/** The transcript's state before anything was delivered. */
export const EMPTY_TRANSCRIPT: Uint8Array = new Uint8Array(32)

/**
 * A chain of hashes over the payloads: a plain value, where a running SHA-256 would be hidden state. The state before is
 * always 32 bytes, so where it ends and the payload begins is never in doubt.
 */
export function extendTranscript(state: Uint8Array, payload: Uint8Array): Uint8Array {
  const length = state.byteLength + payload.byteLength
  if (length > joined.byteLength) return sha256(concat([state, payload]))
  joined.set(state)
  joined.set(payload, state.byteLength)
  return sha256(joined.subarray(0, length))
}

/** Where the state and a payload lie side by side to be hashed: a new array for each takes as long as its hash. */
const joined = new Uint8Array(16 * 1024)

/** HKDF-SHA-256 without a salt of its own; 32 bytes are the first block of its output. */
function saltOf(secret: Uint8Array, label: string): Uint8Array {
  const key = hmac(new Uint8Array(32), secret)
  return hmac(key, concat([utf8(`hanse/v1/salt/${label}`), Uint8Array.of(1)]))
}

/** HMAC-SHA-256 (RFC 2104) under a key of 32 bytes, by the platform's own hash. */
function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const inner = sha256(padded(key, 0x36, message))
  return sha256(padded(key, 0x5c, inner))
}

/** The key in a block of `pad`, and what is hashed behind it. */
function padded(key: Uint8Array, pad: number, behind: Uint8Array): Uint8Array {
  const all = new Uint8Array(HASH_BLOCK_BYTES + behind.byteLength).fill(pad, 0, HASH_BLOCK_BYTES)
  for (let i = 0; i < key.byteLength; i++) all[i] = (key[i] ?? 0) ^ pad
  all.set(behind, HASH_BLOCK_BYTES)
  return all
}

const HASH_BLOCK_BYTES = 64
const DOMAIN = utf8('hanse/v1/commitment')
