import { z } from 'zod'
import { HanseError } from '../errors.ts'
import { verifyEd25519 } from '../identity/ed25519.ts'
import type { Signer } from '../identity/keys.ts'
import { type PeerId, publicKeyOfPeer } from '../identity/peer-id.ts'
import { cidOf, concat, utf8, varint } from '../wire.ts'
import { bytes, bytesUpTo, peerId } from './fields.ts'
import { type Named, named, RECORD_BYTES_MAX, type RecordType } from './record.ts'

/** The part a signer plays. It is in the signed bytes, so a signature serves in no other role. */
export const ROLES = ['provider', 'consumer', 'settlement', 'attestor', 'landmark', 'log'] as const
export type Role = (typeof ROLES)[number]

export interface Signature {
  readonly signer: PeerId
  readonly role: Role
  readonly signature: Uint8Array
}

/** The exact bytes that were signed, and by whom. Signatures are never part of a record's name. */
export interface SignedRecord {
  readonly bytes: Uint8Array
  readonly signatures: readonly Signature[]
}

export const signatureSchema = z.strictObject({
  signer: peerId,
  role: z.enum(ROLES),
  signature: bytes(64),
})

export const signedRecordSchema = z.strictObject({
  bytes: bytesUpTo(RECORD_BYTES_MAX),
  signatures: z.array(signatureSchema).max(2),
})

/** Just the two fields, as they travel and are stored: records in hand carry their name and value beside them. */
export function signedFields({ bytes, signatures }: SignedRecord): {
  bytes: Uint8Array
  signatures: Signature[]
} {
  return {
    bytes,
    signatures: signatures.map(({ signer, role, signature }) => ({ signer, role, signature })),
  }
}

/** The network's name is in every signature: what was signed on one network is void on another. */
export interface SigningContext {
  readonly network: string
}

/** libp2p's signed-envelope input (RFC 0002): each part with its length before it. */
function signingInput(
  context: SigningContext,
  role: Role,
  type: string,
  bytes: Uint8Array,
): Uint8Array {
  return concat([signingHead(context, role, type), varint(bytes.byteLength), bytes])
}

/** What stands before the record, which is the same for all of a type. */
function signingHead({ network }: SigningContext, role: Role, type: string): Uint8Array {
  // Neither a role nor a type has a slash in it.
  const key = `${network}/${role}/${type}`
  const known = heads.get(key)
  if (known !== undefined) return known
  const parts = [utf8(`hanse/${network}/${role}`), utf8(type)]
  const head = concat(parts.flatMap((part) => [varint(part.byteLength), part]))
  if (heads.size >= HEADS_MAX) heads.clear()
  heads.set(key, head)
  return head
}

/** A process is of one network, which has some twenty types in six roles. Some 150 bytes each. */
const HEADS_MAX = 256
const heads = new Map<string, Uint8Array>()

export function signBytes(
  context: SigningContext,
  type: RecordType<unknown> | { readonly type: string },
  bytes: Uint8Array,
  role: Role,
  signer: Signer,
): Signature {
  const signature = signer.sign(signingInput(context, role, type.type, bytes))
  return { signer: signer.peerId, role, signature }
}

/** Whether `signature` is by its signer over these bytes as this type of record, in its role, on this network. */
export function isSignatureValid(
  context: SigningContext,
  type: { readonly type: string },
  bytes: Uint8Array,
  signature: Signature,
): boolean {
  const input = signingInput(context, signature.role, type.type, bytes)
  return verifyEd25519(publicKeyOfPeer(signature.signer), input, signature.signature)
}

/** Encodes, names and signs in one step. */
export function signRecord<Value>(
  context: SigningContext,
  type: RecordType<Value>,
  value: Value,
  role: Role,
  signer: Signer,
): Named<Value> & SignedRecord {
  const made = type.make(value)
  const signatures = [signBytes(context, type, made.bytes, role, signer)]
  return { cid: cidOf(made.bytes), bytes: made.bytes, value: made.value, signatures }
}

/**
 * Opens a record that must carry exactly one valid signature for each of `signers`, and no other.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_MISSING, HANSE_SIGNATURE_INVALID
 */
export function openSigned<Value>(
  context: SigningContext,
  type: RecordType<Value>,
  signed: SignedRecord,
  signersOf: SignersOf<Value>,
): Named<Value> & SignedRecord {
  const opened = openCommitted(type, signed, signersOf)
  for (const signature of opened.signatures) {
    if (isSignatureValid(context, type, opened.bytes, signature)) continue
    const { signer, role } = signature
    throw new HanseError(
      'HANSE_SIGNATURE_INVALID',
      `${type.type}: bad signature of ${signer} as ${role}`,
    )
  }
  return opened
}

/**
 * Opens a record whose CID stands in another one that the same parties have signed, and were found to have: they have
 * signed for its content there, so that it has to name them, and its own signatures are not computed.
 *
 * @returns what `openSigned` returns, with signatures that may be false
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_MISSING when there is not one signature for each of `signers`
 */
export function openCommitted<Value>(
  type: RecordType<Value>,
  signed: SignedRecord,
  signersOf: SignersOf<Value>,
): Named<Value> & SignedRecord {
  const record = named(type, signed.bytes)
  const expected = signersOf(record.value)
  if (signed.signatures.length !== expected.length) {
    throw new HanseError(
      'HANSE_SIGNATURE_MISSING',
      `${type.type}: ${signed.signatures.length} of ${expected.length} signatures`,
    )
  }
  for (const { signer, role } of expected) {
    if (signed.signatures.some((s) => s.role === role && s.signer === signer)) continue
    throw new HanseError(
      'HANSE_SIGNATURE_MISSING',
      `${type.type}: not signed by ${signer} as ${role}`,
    )
  }
  return { ...record, signatures: signed.signatures }
}

type SignersOf<Value> = (
  value: Value,
) => readonly { readonly signer: PeerId; readonly role: Role }[]
