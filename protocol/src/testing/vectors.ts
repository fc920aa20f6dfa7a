import { CID } from 'multiformats/cid'
import { documentDigest } from '../audit/document-digest.ts'
import { logEvent } from '../audit/event.ts'
import { logKey } from '../audit/log-key.ts'
import { auditEntry } from '../audit/package/audit-entry.ts'
import { packageManifest } from '../audit/package/manifest.ts'
import { settlementProof } from '../audit/settlement-proof.ts'
import { spotCheck } from '../audit/spot-check.ts'
import { providerBinding, spendAuthorization } from '../authorization/authorization.ts'
import { authorizationRelease, revocationList } from '../authorization/revocation.ts'
import { deletionConfirmation, deletionRequest } from '../deletion/deletion.ts'
import { offer } from '../market/offer.ts'
import { bundleManifest } from '../receipt/bundle.ts'
import { receipt } from '../receipt/receipt.ts'
import type { RecordType } from '../record/record.ts'
import type { SignedRecord } from '../record/signed.ts'
import { regionAttestation } from '../region/attestation.ts'
import { landmarkEcho, landmarkPing } from '../region/landmark.ts'
import { attestationRevocations } from '../region/revocation.ts'
import { acceptance, order, quote, rejection } from '../session/records.ts'
import { statement } from '../statement/statement.ts'
import { fromHex, toHex } from './fixtures.ts'

/** Reads what test/vectors/README.md describes. */

const types = [
  offer,
  regionAttestation,
  landmarkPing,
  landmarkEcho,
  attestationRevocations,
  spendAuthorization,
  providerBinding,
  revocationList,
  authorizationRelease,
  deletionRequest,
  deletionConfirmation,
  order,
  acceptance,
  quote,
  rejection,
  receipt,
  statement,
  logEvent,
  documentDigest,
  logKey,
  auditEntry,
  packageManifest,
  settlementProof,
  spotCheck,
  bundleManifest,
] as const satisfies readonly { readonly type: string }[]

/** The record type of that name, whatever its values are. */
export function typeOf(name: string): RecordType<unknown> {
  const type = types.find((known) => known.type === name)
  if (type === undefined) throw new Error(`no type ${name}`)
  return type as RecordType<unknown>
}

/** Every type that there are vectors for. */
export const typeNames: readonly string[] = types.map(({ type }) => type)

/** A value from its JSON form: `{hex}` are bytes, `{link}` a CID, `{int}` an integer beyond 2⁵³. */
export function untagged(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(untagged)
  if (typeof json !== 'object' || json === null) return json
  const { hex, link, int } = json as Record<string, unknown>
  if (typeof hex === 'string') return fromHex(hex)
  if (typeof link === 'string') return CID.parse(link)
  if (typeof int === 'string') return BigInt(int)
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, untagged(item)]))
}

/** The JSON form of a value. */
export function tagged(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: toHex(value) }
  const cid = CID.asCID(value)
  if (cid !== null) return { link: cid.toString() }
  if (typeof value === 'bigint') {
    const isExact = BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
    return isExact ? Number(value) : { int: value.toString() }
  }
  if (Array.isArray(value)) return value.map(tagged)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, tagged(item)]))
}

export interface Change {
  readonly why: string
  readonly from: number
  readonly to: number
  readonly put: string
  /** `null` where the changed bytes are right. */
  readonly code: string | null
}

/** Bytes that differ from `base` in one place. */
export function changed(base: string, { from, to, put }: Change): Uint8Array {
  return fromHex(base.slice(0, 2 * from) + put + base.slice(2 * to))
}

export interface SignedJson {
  readonly bytes: string
  readonly signatures: readonly {
    readonly signer: string
    readonly role: string
    readonly signature: string
  }[]
}

export function signedOf({ bytes, signatures }: SignedJson): SignedRecord {
  return {
    bytes: fromHex(bytes),
    signatures: signatures.map((one) => ({
      ...one,
      signature: fromHex(one.signature),
    })) as unknown as SignedRecord['signatures'],
  }
}
