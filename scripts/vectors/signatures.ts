import {
  type PeerId,
  ROLES,
  type Role,
  type SignedRecord,
  type Signer,
  signBytes,
} from '@hanse/protocol'
import * as make from '@hanse/protocol/testing'
import { signedJson } from './json.ts'
import { samples } from './records.ts'
import type { Sample } from './sample.ts'

const { context, stranger } = make

/** Signed records that must not be opened: right bytes under signatures that do not count. */
export function signaturesFile() {
  const seen = new Set<string>()
  const first = samples().filter(
    ({ type, record }) => record.signatures.length > 0 && !seen.has(type) && seen.add(type),
  )
  return {
    about:
      'Signed records that must be refused although their bytes are right: `signers` are the peers and roles that have to ' +
      'sign, and nobody else may.',
    network: context.network,
    refused: first.flatMap((sample) =>
      spoiled(sample).map(({ why, code, signed }) => ({
        why,
        type: sample.type,
        signers: sample.record.signatures.map(({ signer, role }) => ({ signer, role })),
        ...signedJson(signed),
        code,
      })),
    ),
  }
}

interface Spoiled {
  readonly why: string
  readonly code: string
  readonly signed: SignedRecord
}

function spoiled({ type, record }: Sample): Spoiled[] {
  const { bytes, signatures } = record
  const [first] = signatures
  if (first === undefined) throw new Error(`${type} is not signed`)
  const { signer, role } = first
  const key = signerOf(signer)
  const other = ROLES.find((name) => name !== role) ?? role
  /** The first signature in another way. */
  const instead = (
    why: string,
    signature: SignedRecord['signatures'][number],
    code = 'HANSE_SIGNATURE_INVALID',
  ): Spoiled => ({ why, code, signed: { bytes, signatures: signatures.with(0, signature) } })
  const flipped = Uint8Array.from(first.signature)
  flipped[0] = (flipped[0] ?? 0) ^ 1
  const asOther = signBytes(context, { type }, bytes, other, key)
  const missing = 'HANSE_SIGNATURE_MISSING'
  return [
    { why: 'no signature', code: missing, signed: { bytes, signatures: [] } },
    {
      why: 'one signature more',
      code: missing,
      signed: {
        bytes,
        signatures: [...signatures, signBytes(context, { type }, bytes, other, stranger)],
      },
    },
    instead('by a stranger', signBytes(context, { type }, bytes, role, stranger), missing),
    instead('in another role', asOther, missing),
    instead('in another role, and named as the right one', { ...asOther, role }),
    instead('for another network', signBytes({ network: 'mainnet' }, { type }, bytes, role, key)),
    instead('as another type', signBytes(context, { type: 'hanse.other.v1' }, bytes, role, key)),
    instead('of other bytes', signBytes(context, { type }, bytes.subarray(1), role, key)),
    instead('without lengths', { signer, role, signature: unframed(key, role, type, bytes) }),
    instead('a bit flipped', { signer, role, signature: flipped }),
  ]
}

/** A signature over the parts without their lengths: they could be cut elsewhere. */
function unframed(key: Signer, role: Role, type: string, bytes: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`hanse/${context.network}/${role}${type}`)
  return key.sign(Uint8Array.of(...head, ...bytes))
}

function signerOf(peer: PeerId): Signer {
  const byte = [1, 2, 3, 4, 5].find((seed) => make.signerFrom(seed).peerId === peer)
  if (byte === undefined) throw new Error(`nobody's key: ${peer}`)
  return make.signerFrom(byte)
}
