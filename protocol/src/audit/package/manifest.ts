import { z } from 'zod'
import { bytes, bytesUpTo, peerId, smallInt, timestamp, word } from '../../record/fields.ts'
import { defineRecord } from '../../record/record.ts'
import { type SignedRecord, signatureSchema, signedFields } from '../../record/signed.ts'
import { decodeCanonical, encodeCanonical } from '../../wire.ts'
import { badPackage, PACKAGE_BYTES_MAX, PACKAGE_FILES_MAX } from './zip.ts'

export const MANIFEST_PATH = 'manifest.cbor'
export const SUMS_PATH = 'SHA256SUMS'

const PATH_MAX = 160
/** Folders and names of plain characters: they mean the same on every system, and none leads out of the folder. */
const PATH_PATTERN = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)*$/u
/** A path and a hash for each file. */
const MANIFEST_BYTES_MAX = PACKAGE_FILES_MAX * (PATH_MAX + 80)

/** What an evidence package holds, by whom and of what; signed by whoever made it. */
export const packageManifest = defineRecord(
  'hanse.evidence-package.v1',
  {
    /** Whose log it is from. */
    source: z.enum(['settlement', 'node']),
    issuer: peerId,
    network: word(64),
    /** Whom it is about: an organization, as its settlement calls it. */
    subject: word(128).nullable(),
    at: timestamp,
    /** Events of this time, if they are not of single sessions. */
    from: timestamp,
    /** Not included. */
    to: timestamp,
    /** Besides the manifest itself, in the order of the archive. */
    files: z
      .array(
        z.strictObject({
          path: word(PATH_MAX).regex(PATH_PATTERN),
          bytes: smallInt(PACKAGE_BYTES_MAX),
          sha256: bytes(32),
        }),
      )
      .max(PACKAGE_FILES_MAX),
  },
  {
    bytesMax: MANIFEST_BYTES_MAX,
    check: ({ files, from, to }) => {
      if (to < from) return 'ends before it begins'
      const sorted = files.every(({ path }, i) => i === 0 || (files[i - 1]?.path ?? '') < path)
      if (!sorted) return 'the files are not in order, or one is there twice'
      return files.some(({ path }) => path === MANIFEST_PATH) ? 'it names itself' : undefined
    },
  },
)
export type PackageManifest = ReturnType<typeof packageManifest.decode>

/** A node has no role of its own in its records: its log has. */
export const packageSigners = ({ issuer, source }: PackageManifest) =>
  [{ signer: issuer, role: source === 'settlement' ? 'settlement' : 'log' }] as const

const signedManifest = z.strictObject({
  bytes: bytesUpTo(MANIFEST_BYTES_MAX),
  signatures: z.array(signatureSchema).max(1),
})

export const encodeManifest = (signed: SignedRecord): Uint8Array =>
  encodeCanonical(signedFields(signed))

/** @throws {HanseError} HANSE_RECORD_*, HANSE_PACKAGE_FORMAT */
export function decodeManifest(stored: Uint8Array): SignedRecord {
  const parsed = signedManifest.safeParse(decodeCanonical(stored, MANIFEST_BYTES_MAX + 1024))
  if (parsed.success) return parsed.data
  throw badPackage('the manifest is not a signed record')
}
