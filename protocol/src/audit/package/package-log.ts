import { type OpenCheckpoint, openCheckpoint } from '../../log/checkpoint.ts'
import type { TrustRoots } from '../../receipt/verify-bundle.ts'
import { openSigned, type SignedRecord, signedRecordSchema } from '../../record/signed.ts'
import { decodeCanonical } from '../../wire.ts'
import { type LogKey, logKey, logKeySigners } from '../log-key.ts'
import type { PackageManifest } from './manifest.ts'
import { badPackage } from './zip.ts'

export const CHECKPOINT_PATH = 'log/checkpoint'
/** Of a settlement: its signed word on which key signs its log. */
export const LOG_KEY_PATH = 'log/key.cbor'
/** Of a node: the verifier key of its log, which the package's own signature vouches for. */
export const VKEY_PATH = 'log/vkey'

/** Twice the largest record: signatures are beside it. */
const SIGNED_BYTES_MAX = 16_384

/** The log that a package's events are from, or why it cannot be told. */
export interface PackageLog {
  readonly key: string | undefined
  readonly head: { readonly note: string; readonly checkpoint: OpenCheckpoint } | undefined
  /** Of a settlement. */
  readonly logKey: LogKey | undefined
  /** What is wrong with key or checkpoint. */
  readonly faults: ReadonlyMap<string, unknown>
}

/** Reads key and checkpoint of the files whose hashes are right. */
export function openLogOfPackage(
  files: ReadonlyMap<string, Uint8Array>,
  manifest: PackageManifest,
  trust: TrustRoots & { readonly network: string },
): PackageLog {
  const faults = new Map<string, unknown>()
  const guarded = <Result>(path: string, open: (bytes: Uint8Array) => Result) => {
    const bytes = files.get(path)
    if (bytes === undefined) return undefined
    try {
      return open(bytes)
    } catch (error) {
      faults.set(path, error)
      return undefined
    }
  }
  const signedKey = guarded(LOG_KEY_PATH, (bytes) => {
    const { value } = openSigned(trust, logKey, decodeSignedRecord(bytes), logKeySigners)
    if (value.settlement !== manifest.issuer)
      throw badPackage('the key of another settlement’s log')
    return value
  })
  const ownKey =
    manifest.source === 'node' ? guarded(VKEY_PATH, (bytes) => textOf(bytes).trim()) : undefined
  const key = signedKey?.vkey ?? ownKey
  const head =
    key === undefined
      ? undefined
      : guarded(CHECKPOINT_PATH, (bytes) => {
          const note = textOf(bytes)
          return { note, checkpoint: openCheckpoint(note, key) }
        })
  return { key, head, logKey: signedKey, faults }
}

/** A record with its signatures, as packages hold it. @throws {HanseError} HANSE_RECORD_*, HANSE_PACKAGE_FORMAT */
export function decodeSignedRecord(bytes: Uint8Array): SignedRecord {
  const parsed = signedRecordSchema.safeParse(decodeCanonical(bytes, SIGNED_BYTES_MAX))
  if (parsed.success) return parsed.data
  throw badPackage('not a signed record')
}

/** @throws {TypeError} when it is not UTF-8 */
export const textOf = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
