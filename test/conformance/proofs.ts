import nacl from 'tweetnacl'
import { base64, unbase64 } from './base.ts'
import { join, Refused, sha256, utf8 } from './bytes.ts'
import { isIncluded, leafHash } from './merkle.ts'
import { isNoteText, openCheckpoint } from './notes.ts'

/** C2SP tlog-proof, and what a log of salted commitments has for its entries. */

export const entryOf = (salt: Uint8Array, event: Uint8Array): Uint8Array =>
  sha256(utf8('hanse/v1/log-leaf'), salt, sha256(event))

const NONCE_BYTES = 24

export const seal = (key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array =>
  join(nonce, nacl.secretbox(plaintext, nonce, key))

/** @throws {Refused} HANSE_LOG_SEALED */
export function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  const isBox = key.length === 32 && sealed.length >= NONCE_BYTES
  const [nonce, box] = [sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES)]
  const plaintext = isBox ? nacl.secretbox.open(box, nonce, key) : null
  if (plaintext === null) throw new Refused('HANSE_LOG_SEALED')
  return plaintext
}

export interface Proof {
  readonly index: bigint
  readonly extra: Uint8Array | undefined
  readonly hashes: readonly Uint8Array[]
  readonly checkpoint: string
}

/** Header, perhaps something extra, index, hashes; a blank line; a signed checkpoint. */
const FILE =
  /^c2sp\.org\/tlog-proof@v1\n(?:extra ([^\n]*)\n)?index (0|[1-9][0-9]{0,19})\n((?:[^\n]+\n){0,65})\n([\s\S]+)$/u

/** @throws {Refused} HANSE_LOG_PROOF_FORMAT */
export function parseProof(file: string): Proof {
  const [matched, extraText, index = '', lines = '', checkpoint = ''] = FILE.exec(file) ?? []
  const hashes = lines.split('\n').slice(0, -1).map(unbase64)
  const extra = extraText === undefined ? undefined : unbase64(extraText)
  const isRight =
    matched !== undefined &&
    isNoteText(file) &&
    BigInt(index) < 2n ** 64n &&
    (extra === undefined) === (extraText === undefined) &&
    hashes.every((hash) => hash?.length === 32)
  if (!isRight) throw new Refused('HANSE_LOG_PROOF_FORMAT')
  return { index: BigInt(index), extra, hashes: hashes.flatMap((hash) => hash ?? []), checkpoint }
}

export function formatProof({ index, extra, hashes, checkpoint }: Proof): string {
  const above = [
    'c2sp.org/tlog-proof@v1',
    ...(extra === undefined ? [] : [`extra ${base64(extra)}`]),
  ]
  return `${[...above, `index ${index}`, ...hashes.map(base64)].join('\n')}\n\n${checkpoint}`
}

/** @throws {Refused} HANSE_LOG_* */
export function verifyProof(
  file: string,
  entry: Uint8Array,
  logKey: string,
  witnessKeys: readonly string[] = [],
): ReturnType<typeof openCheckpoint> & { readonly index: bigint } {
  const { index, hashes, checkpoint: note } = parseProof(file)
  const checkpoint = openCheckpoint(note, logKey, witnessKeys)
  if (checkpoint.cosignatures.length < witnessKeys.length) throw new Refused('HANSE_LOG_QUORUM')
  const { size, root } = checkpoint
  const isIn = isIncluded({ index, size, leaf: leafHash(entry), proof: hashes, root })
  if (!isIn) throw new Refused('HANSE_LOG_PROOF')
  return { ...checkpoint, index }
}
