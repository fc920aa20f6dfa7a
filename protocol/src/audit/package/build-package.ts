import { sha256 } from '#crypto'
import type { Signer } from '../../identity/keys.ts'
import { type SigningContext, signRecord } from '../../record/signed.ts'
import { utf8 } from '../../wire.ts'
import {
  encodeManifest,
  MANIFEST_PATH,
  type PackageManifest,
  packageManifest,
  SUMS_PATH,
} from './manifest.ts'
import { type PackageFile, writeZip } from './zip.ts'

/**
 * Packs and signs. The same files, facts and key give the same bytes.
 *
 * @throws {HanseError} HANSE_RECORD_FIELDS for a path that is none, or twice there; HANSE_PACKAGE_FORMAT when it is too much
 */
export function buildPackage(
  context: SigningContext,
  facts: Omit<PackageManifest, 'issuer' | 'network' | 'files'>,
  given: readonly PackageFile[],
  signer: Signer,
): Uint8Array<ArrayBuffer> {
  const hashed = given.map((file) => ({ file, hash: sha256(file.bytes) }))
  const lines = hashed.map(({ file, hash }) => `${hex(hash)}  ${file.path}\n`).toSorted(byPath)
  const sums = { path: SUMS_PATH, bytes: utf8(lines.join('')) }
  const all = [...hashed, { file: sums, hash: sha256(sums.bytes) }].toSorted((a, b) =>
    a.file.path < b.file.path ? -1 : 1,
  )
  const value: PackageManifest = {
    ...facts,
    issuer: signer.peerId,
    network: context.network,
    files: all.map(({ file: { path, bytes }, hash }) => ({
      path,
      bytes: bytes.byteLength,
      sha256: hash,
    })),
  }
  const role = facts.source === 'settlement' ? 'settlement' : 'log'
  const signed = signRecord(context, packageManifest, value, role, signer)
  const manifest = { path: MANIFEST_PATH, bytes: encodeManifest(signed) }
  // Its index of contents comes first, for whoever reads the archive as it arrives.
  return writeZip([manifest, ...all.map(({ file }) => file)])
}

/** After the hash and two spaces. */
const byPath = (a: string, b: string) => (a.slice(66) < b.slice(66) ? -1 : 1)

/** Lower case. */
export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
