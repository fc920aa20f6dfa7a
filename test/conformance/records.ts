import schemas from '../vectors/schemas.json' with { type: 'json' }
import { join, Refused, utf8, varint } from './bytes.ts'
import { read, type Value, write } from './cbor.ts'
import { type Link, linkOf } from './cid.ts'
import { keyOfPeer, sign, verify } from './ed25519.ts'
import { Fields } from './fields.ts'
import { parseKey } from './notes.ts'
import { fits, type Schema } from './schema.ts'

interface RecordSchema {
  readonly bytesMax: number
  readonly fields: Readonly<Record<string, Schema>>
}

const RECORDS = schemas.records as unknown as Readonly<Record<string, RecordSchema>>

export interface Signature {
  readonly signer: string
  readonly role: string
  readonly signature: Uint8Array
}

/** A signature as it is in frames, manifests and proofs. */
export const signatureOf = (fields: Fields): Signature => ({
  signer: fields.text('signer'),
  role: fields.text('role'),
  signature: fields.bytes('signature'),
})

export interface Signed {
  readonly bytes: Uint8Array
  readonly signatures: readonly Signature[]
}

export interface Opened {
  readonly name: Link
  readonly bytes: Uint8Array
  readonly fields: Fields
}

export interface Signer {
  readonly signer: string
  readonly role: string
}

/** Reads a record of a type. @throws {Refused} HANSE_RECORD_* */
export function readRecord(type: string, bytes: Uint8Array): Opened {
  const schema = RECORDS[type]
  if (schema === undefined) throw new Error(`no type ${type}`)
  if (bytes.length > schema.bytesMax) throw new Refused('HANSE_RECORD_TOO_LARGE')
  const value = read(bytes)
  if (!(value instanceof Map) || value.get('$type') !== type) {
    throw new Refused('HANSE_RECORD_UNKNOWN_TYPE')
  }
  const fields = new Map<string, Value>(value as ReadonlyMap<string, Value>)
  fields.delete('$type')
  if (!fits({ map: schema.fields }, fields)) throw new Refused('HANSE_RECORD_FIELDS')
  const checked = new Fields(fields)
  if (!keepsRules(type, checked)) throw new Refused('HANSE_RECORD_FIELDS')
  return { name: linkOf(bytes), bytes, fields: checked }
}

export function writeRecord(type: string, fields: Value): Uint8Array {
  return write(new Map([...(fields as ReadonlyMap<string, Value>), ['$type', type]]))
}

/** What must hold between the fields of a record: `rules` in schemas.json. */
function keepsRules(type: string, fields: Fields): boolean {
  switch (type) {
    case 'hanse.offer.v1': {
      const names = fields
        .maps('models')
        .flatMap((model) => [model.text('id'), ...model.texts('aliases')])
      return isBefore(fields, 'issuedAt') && new Set(names).size === names.length
    }
    case 'hanse.region-attestation.v1':
      return isBefore(fields, 'notBefore') && isEvident(fields)
    case 'hanse.landmark-ping.v1':
      return isBefore(fields, 'at')
    case 'hanse.spend-authorization.v1':
    case 'hanse.provider-binding.v1':
      return isBefore(fields, 'issuedAt')
    case 'hanse.order.v1':
      return isBefore(fields, 'issuedAt') && fields.int('receiptEvery') > 0n
    case 'hanse.statement.v1':
      return (
        (fields.int('sequence') === 0n) === (fields.get('previous') === null) &&
        fields.int('from') <= fields.int('to')
      )
    case 'hanse.attestation-revocations.v1':
    case 'hanse.revocation-list.v1':
      return fields.int('since') <= fields.int('until')
    case 'hanse.deletion-request.v1':
      return (
        fields.int('at') < fields.int('dueAt') &&
        fields.list('consumers').length + fields.list('authorizations').length > 0
      )
    case 'hanse.deletion-confirmation.v1':
      return (
        isInOrder(fields.maps('erased').map((one) => one.text('class'))) &&
        isInOrder(fields.maps('kept').map((one) => `${one.text('class')} ${one.text('reason')}`))
      )
    case 'hanse.evidence-package.v1': {
      const paths = fields.maps('files').map((file) => file.text('path'))
      return (
        fields.int('from') <= fields.int('to') &&
        isInOrder(paths) &&
        paths.every((path) => path !== 'manifest.cbor' && isPlain(path))
      )
    }
    case 'hanse.spot-check.v1': {
      const [bytes, agreed] = [fields.int('bytes'), fields.int('agreed')]
      return (
        fields.map('first').text('provider') !== fields.map('second').text('provider') &&
        agreed <= bytes &&
        (fields.int('divergence') === 0n) === (agreed === bytes)
      )
    }
    case 'hanse.log-key.v1':
      return isBefore(fields, 'notBefore') && isLogKey(fields.text('vkey'))
    case 'hanse.bundle.v1':
      return fields
        .maps('records')
        .every(
          (entry) =>
            (entry.text('kind') === 'settlement-proof') === (entry.list('signatures').length === 0),
        )
    default:
      return true
  }
}

function isLogKey(vkey: string): boolean {
  try {
    return parseKey(vkey).type === 1
  } catch {
    return false
  }
}

const isInOrder = (names: readonly string[]): boolean =>
  names.every((name, i) => i === 0 || (names[i - 1] ?? '') < name)

const isPlain = (path: string): boolean =>
  path.split('/').every((part) => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/u.test(part))

const isBefore = (fields: Fields, start: string): boolean =>
  fields.int(start) < fields.int('notAfter')

const STRENGTH: Readonly<Record<string, bigint>> = {
  declared: 1n,
  geoip: 2n,
  latency: 2n,
  'payout-account': 3n,
  operator: 4n,
}

function isEvident(fields: Fields): boolean {
  const evidence = fields.maps('evidence')
  const levels = evidence.map((piece) => STRENGTH[piece.text('kind')] ?? 0n)
  const best = levels.reduce((most, level) => (level > most ? level : most), 0n)
  return (
    best === fields.int('level') &&
    evidence.every(
      (piece) => !piece.has('country') || piece.text('country') === fields.text('country'),
    )
  )
}

/** Each part with its length before it. */
export function signingInput(
  network: string,
  role: string,
  type: string,
  bytes: Uint8Array,
): Uint8Array {
  const parts = [utf8(`hanse/${network}/${role}`), utf8(type), bytes]
  return join(...parts.flatMap((part) => [varint(part.length), part]))
}

export function signRecord(
  network: string,
  type: string,
  bytes: Uint8Array,
  role: string,
  seed: Uint8Array,
): Uint8Array {
  return sign(seed, signingInput(network, role, type, bytes))
}

/** Reads a record that exactly these have signed. @throws {Refused} HANSE_RECORD_*, HANSE_SIGNATURE_* */
export function openRecord(
  network: string,
  type: string,
  { bytes, signatures }: Signed,
  signers: readonly Signer[] | ((fields: Fields) => readonly Signer[]),
): Opened {
  const opened = readRecord(type, bytes)
  const expected = typeof signers === 'function' ? signers(opened.fields) : signers
  if (signatures.length !== expected.length) throw new Refused('HANSE_SIGNATURE_MISSING')
  for (const { signer, role } of expected) {
    const found = signatures.find((one) => one.signer === signer && one.role === role)
    if (found === undefined) throw new Refused('HANSE_SIGNATURE_MISSING')
    const input = signingInput(network, role, type, bytes)
    if (!verify(keyOfPeer(signer), input, found.signature))
      throw new Refused('HANSE_SIGNATURE_INVALID')
  }
  return opened
}

interface RecordSigners {
  readonly signers: readonly {
    readonly role: string | { readonly by: string; readonly is: Readonly<Record<string, string>> }
    readonly field: string | null
  }[]
}

/** The signers that a record names itself, as schemas.json has them. */
export function namedSigners(type: string): (fields: Fields) => readonly Signer[] {
  const { signers } = schemas.records[type as keyof typeof schemas.records] as RecordSigners
  return (fields) =>
    signers.map(({ role, field }) => ({
      role: typeof role === 'string' ? role : (role.is[fields.text(role.by)] ?? ''),
      signer: field === null ? '' : fields.text(field),
    }))
}
