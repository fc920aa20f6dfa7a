import { sha256 } from '#crypto'
import { HanseError } from '../../errors.ts'
import type { TrustRoots } from '../../receipt/verify-bundle.ts'
import { openSigned } from '../../record/signed.ts'
import { bytesEqual } from '../../wire.ts'
import { checkFile } from './check-file.ts'
import type { PackageManifest } from './manifest.ts'
import { decodeManifest, MANIFEST_PATH, packageManifest, packageSigners } from './manifest.ts'
import { openLogOfPackage } from './package-log.ts'
import { badPackage, type PackageFile, readZip, writeZip } from './zip.ts'

export interface PackageCheck {
  /** Of the file; `package` for the archive itself. */
  readonly path: string
  /** `unproved`: nothing is wrong, but it rests on the word of whoever signed the package. */
  readonly status: 'ok' | 'unproved' | 'failed'
  /** What it proves, or what is wrong with it. */
  readonly detail: string
}

export interface PackageReport {
  /** No check failed. */
  readonly verified: boolean
  readonly checks: readonly PackageCheck[]
  /** Only when its signature holds. */
  readonly manifest?: PackageManifest
}

export const PACKAGE = 'package'

/** Whether bytes look like a package rather than like a session's bundle. */
export const isPackage = (bytes: Uint8Array): boolean =>
  bytesEqual(bytes.subarray(0, 4), Uint8Array.of(0x50, 0x4b, 3, 4))

/**
 * Checks an evidence package without a network: one line for each file. Never throws on bad input: what is wrong is a
 * failed check.
 *
 * @param trust `settlements` may name nodes as well
 */
export function verifyPackage(bytes: Uint8Array, trust: TrustRoots = {}): PackageReport {
  const checks: PackageCheck[] = []
  const files = attempt(checks, PACKAGE, () => {
    const read = readZip(bytes)
    const isCanonical = bytesEqual(writeZip(read), bytes)
    return isCanonical
      ? [read, `zip of ${read.length} files, written as this version writes it`]
      : [
          read,
          'the archive was changed since it was made: its bytes are not those of its files',
          'failed',
        ]
  })
  if (files === undefined) return { verified: false, checks }
  const manifest = attempt(checks, MANIFEST_PATH, () => openManifest(files, trust))
  if (manifest === undefined) return { verified: false, checks }
  checkFiles(checks, files, manifest, { ...trust, network: manifest.network })
  const verified = checks.every(({ status }) => status !== 'failed')
  return { verified, checks, manifest }
}

type Told<Result> = readonly [Result, string, PackageCheck['status']?]

function attempt<Result>(
  checks: PackageCheck[],
  path: string,
  run: () => Told<Result>,
): Result | undefined {
  try {
    const [result, detail, status = 'ok'] = run()
    checks.push({ path, status, detail })
    return result
  } catch (error) {
    checks.push({ path, status: 'failed', detail: reasonOf(error) })
    return undefined
  }
}

function openManifest(files: readonly PackageFile[], trust: TrustRoots): Told<PackageManifest> {
  const file = files.find(({ path }) => path === MANIFEST_PATH)
  if (file === undefined) throw badPackage('there is no manifest')
  const signed = decodeManifest(file.bytes)
  // Which network it is of stands in what is signed for that network.
  const { network } = packageManifest.decode(signed.bytes)
  if (trust.network !== undefined && trust.network !== network) {
    throw badPackage(`signed for network ${network}, expected ${trust.network}`)
  }
  const { value } = openSigned({ network }, packageManifest, signed, packageSigners)
  const { issuer, source, at, files: named } = value
  const what = `${named.length} files signed by ${source} ${issuer} at ${new Date(at).toISOString()}`
  return trust.settlements?.includes(issuer) === true
    ? [value, what]
    : [value, `${what}, which you have not said to trust`, 'unproved']
}

function checkFiles(
  checks: PackageCheck[],
  files: readonly PackageFile[],
  manifest: PackageManifest,
  trust: TrustRoots & { readonly network: string },
): void {
  const sound = new Map<string, Uint8Array>()
  const listed = new Set([MANIFEST_PATH, ...manifest.files.map(({ path }) => path)])
  const broken = new Map<string, string>()
  for (const { path, sha256: expected } of manifest.files) {
    const found = files.filter((file) => file.path === path)
    const [file] = found
    if (file === undefined) broken.set(path, 'missing')
    else if (found.length > 1) broken.set(path, 'there twice')
    else if (!bytesEqual(sha256(file.bytes), expected)) {
      broken.set(path, 'changed since the package was signed: not the SHA-256 of the manifest')
    } else sound.set(path, file.bytes)
  }
  const log = openLogOfPackage(sound, manifest, trust)
  for (const { path } of manifest.files) {
    const fault = broken.get(path)
    const bytes = sound.get(path)
    if (fault !== undefined || bytes === undefined) {
      checks.push({ path, status: 'failed', detail: fault ?? 'missing' })
      continue
    }
    attempt(checks, path, () => {
      const { detail, status } = checkFile(path, bytes, { files: sound, manifest, trust, log })
      return [undefined, detail, status]
    })
  }
  for (const { path } of files) {
    if (!listed.has(path)) checks.push({ path, status: 'failed', detail: 'not in the manifest' })
  }
}

/** What somebody may read of what was thrown. */
export const reasonOf = (error: unknown): string =>
  error instanceof HanseError
    ? `${error.message} (${error.code})`
    : error instanceof Error
      ? error.message
      : String(error)
