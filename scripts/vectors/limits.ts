import { cidOf, cosignerOf, encodeCanonical } from '@hanse/protocol'
import { codeOf, makeEvidence, signerFrom, toHex } from '@hanse/protocol/testing'
import { boundariesOf } from './boundaries.ts'
import { manifestOf } from './bundles.ts'
import { changeOf } from './change.ts'
import { RECORD_SCHEMAS } from './record-schemas.ts'
import { bytesOf, samples } from './records.ts'
import type { Schema } from './schema.ts'

/** For each type a right record, and what becomes of it when one thing in it is changed. */
export function limitsFile() {
  return {
    about:
      'For each type of record a right one, `base`, and others that differ from it in one place: base up to byte `from`, ' +
      'then `put`, then base from byte `to` on. `code` is what a reader of that type says; where it is null the record is ' +
      'right.',
    types: Object.fromEntries(
      Object.entries(RECORD_SCHEMAS).map(([type, { fields }]) => {
        const base = baseOf(type)
        return [
          type,
          {
            base: toHex(base.bytes),
            cases: [...limits(type, fields, base), ...others(type, base)],
          },
        ]
      }),
    ),
  }
}

interface Base {
  readonly bytes: Uint8Array
  readonly value: Readonly<Record<string, unknown>>
  readonly decode: ((bytes: Uint8Array) => unknown) | undefined
}

function limits(type: string, fields: Readonly<Record<string, Schema>>, base: Base) {
  return boundariesOf({ map: fields }, base.value).flatMap(({ why, value, isRefused }) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
    const bytes = bytesOf(type, value)
    const limit = RECORD_SCHEMAS[type]?.bytesMax ?? 0
    const code = bytes.byteLength > limit ? 'HANSE_RECORD_TOO_LARGE' : 'HANSE_RECORD_FIELDS'
    // What its own limit allows may still break a rule between fields: the code says which it is.
    const isBroken = !isRefused && (breaksManifest(value) || codeIn(base, bytes) !== 'accepted')
    const refusal = isRefused || isBroken ? code : null
    return [{ why, code: refusal, ...changeOf(base.bytes, bytes) }]
  })
}

/** Its type is not exported: the one rule of a manifest, from its description. */
function breaksManifest(value: object): boolean {
  const { network, records } = value as Partial<ReturnType<typeof manifestOf>['value']>
  if (network === undefined || !Array.isArray(records)) return false
  return (records as ReturnType<typeof manifestOf>['value']['records']).some(
    ({ kind, signatures }) => (signatures.length === 0) !== (kind === 'settlement-proof'),
  )
}

function codeIn({ decode }: Base, bytes: Uint8Array): string {
  return decode === undefined ? 'accepted' : codeOf(() => decode(bytes))
}

/** What is the same for every type. */
function others(type: string, { bytes, value }: Base) {
  const cases: [string, Uint8Array, string][] = [
    ['no $type', encodeCanonical(value), 'HANSE_RECORD_UNKNOWN_TYPE'],
    ['a later version', bytesOf(type.replace('.v1', '.v2'), value), 'HANSE_RECORD_UNKNOWN_TYPE'],
    ['another type', bytesOf('hanse.nothing.v1', value), 'HANSE_RECORD_UNKNOWN_TYPE'],
    ['a list', encodeCanonical([type]), 'HANSE_RECORD_UNKNOWN_TYPE'],
    ['null', encodeCanonical(null), 'HANSE_RECORD_UNKNOWN_TYPE'],
    ['nothing', new Uint8Array(0), 'HANSE_RECORD_MALFORMED'],
    ['cut short', bytes.subarray(0, -1), 'HANSE_RECORD_MALFORMED'],
    ['a byte after it', Uint8Array.of(...bytes, 0), 'HANSE_RECORD_MALFORMED'],
    ...ruleBreakers(type, value).map(([why, changes]): [string, Uint8Array, string] => [
      why,
      bytesOf(type, { ...value, ...changes }),
      'HANSE_RECORD_FIELDS',
    ]),
  ]
  return cases.map(([why, changed, code]) => ({ why, code, ...changeOf(bytes, changed) }))
}

/** Changes that each field allows and the rules between fields do not. */
function ruleBreakers(
  type: string,
  value: Readonly<Record<string, unknown>>,
): [string, Record<string, unknown>][] {
  const breakers: [string, Record<string, unknown>][] = []
  if ('issuedAt' in value) {
    breakers.push(['it ends as it begins', { notAfter: value.issuedAt }])
  }
  if (type === 'hanse.region-attestation.v1') {
    breakers.push(['it ends as it begins', { notAfter: value.notBefore }])
    breakers.push(['a level above its evidence', { level: 4, evidence: [{ kind: 'declared' }] }])
    breakers.push(['a level below its evidence', { level: 1 }])
    breakers.push(['evidence for another country', { country: 'FR' }])
  }
  if (type === 'hanse.log-key.v1') {
    breakers.push(['it ends as it begins', { notAfter: value.notBefore }])
    breakers.push(['the key of a witness', { vkey: cosignerOf('w', signerFrom(1)).vkey }])
    breakers.push(['no key', { vkey: 'a+b+c' }])
  }
  if (type === 'hanse.landmark-ping.v1') {
    breakers.push(['it ends as it begins', { notAfter: value.at }])
  }
  if (type === 'hanse.deletion-request.v1') {
    breakers.push(['due when it was made', { dueAt: value.at }])
    breakers.push(['names nothing', { consumers: [], authorizations: [] }])
  }
  if (type === 'hanse.deletion-confirmation.v1') {
    const [erased, kept] = [value.erased as object[], value.kept as object[]]
    breakers.push(['erased out of order', { erased: erased.toReversed() }])
    breakers.push(['erased twice', { erased: [erased[0], erased[0]] }])
    breakers.push(['kept out of order', { kept: kept.toReversed() }])
  }
  if (type === 'hanse.evidence-package.v1') {
    const files = value.files as Record<string, unknown>[]
    breakers.push(['it ends before it begins', { from: 2, to: 1 }])
    breakers.push(['files out of order', { files: files.toReversed() }])
    breakers.push(['itself', { files: [{ ...files[0], path: 'manifest.cbor' }] }])
    for (const path of ['../x', '/x', 'a//b', 'a/../b', '.x', 'a/-b', 'a b', 'a\\b', 'ä'])
      breakers.push([`the path ${path}`, { files: [{ ...files[0], path }] }])
  }
  if (type === 'hanse.order.v1') breakers.push(['no receipts', { receiptEvery: 0n }])
  if (type === 'hanse.statement.v1') {
    breakers.push([
      'the first, with one before',
      { sequence: 0n, previous: cidOf(Uint8Array.of(0)) },
    ])
    breakers.push(['the second, with none before', { sequence: 1n, previous: null }])
    breakers.push(['it ends before it begins', { from: 2, to: 1 }])
  }
  if (type === 'hanse.offer.v1') {
    const [model] = value.models as Record<string, unknown>[]
    breakers.push(['two models of one id', { models: [model, { ...model, aliases: [] }] }])
    breakers.push(['an alias twice', { models: [{ ...model, aliases: ['c', 'c'] }] }])
  }
  return breakers
}

/** A record of the type, one that has something in every part. */
function baseOf(type: string): Base {
  if (type === 'hanse.bundle.v1') {
    const { bytes, value } = manifestOf(makeEvidence())
    return { bytes, value, decode: undefined }
  }
  const ofType = samples().filter((sample) => sample.type === type)
  const full = FULL[type]
  const sample = ofType.find(({ name }) => name === full) ?? ofType[0]
  if (sample === undefined) throw new Error(`no sample of ${type}`)
  const { bytes, value } = sample.record
  return { bytes, value: value as Base['value'], decode: sample.decode }
}

/** Where it is not the first sample. */
const FULL: Readonly<Record<string, string>> = {
  'hanse.region-attestation.v1': 'attestation with all kinds of evidence',
  'hanse.receipt.v1': 'receipt 2',
  'hanse.order.v1': 'order that answers the quote',
  'hanse.statement.v1': 'statement 1',
  'hanse.log-event.v1': 'log event receipt-settled',
  'hanse.settlement-proof.v1': 'settlement proof 1',
}
