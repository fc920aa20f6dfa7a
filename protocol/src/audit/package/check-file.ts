import type { TrustRoots } from '../../receipt/verify-bundle.ts'
import { hex } from './build-package.ts'
import { checkEvent, checkEventList } from './check-events.ts'
import { checkCheckpoint, checkConsistencyFile, checkLogKey } from './check-log-files.ts'
import { checkAttestation, checkBundle, checkSession, checkStatement } from './check-sessions.ts'
import { type PackageManifest, SUMS_PATH } from './manifest.ts'
import { CHECKPOINT_PATH, LOG_KEY_PATH, type PackageLog, textOf, VKEY_PATH } from './package-log.ts'
import { badPackage } from './zip.ts'

export interface PackageContext {
  /** Those whose hashes are the manifest's. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly manifest: PackageManifest
  readonly trust: TrustRoots & { readonly network: string }
  readonly log: PackageLog
}

export interface FileCheck {
  readonly detail: string
  readonly status: 'ok' | 'unproved' | 'failed'
}

type Checker = (bytes: Uint8Array, context: PackageContext, name: string) => FileCheck

/** What kinds of files there are, by their path; `name` is what the star stands for. */
const CHECKERS: readonly (readonly [pattern: RegExp, check: Checker])[] = [
  [/^events\/(\d{12,20})\.cbor$/u, checkEvent],
  [/^events\.jsonl$/u, checkEventList],
  [/^sessions\/(\w+)\.car$/u, checkBundle],
  [/^sessions\/(\w+)\.cbor$/u, checkSession],
  [/^statements\/(\w+)\.cbor$/u, checkStatement],
  [/^attestations\/(\w+)\.cbor$/u, checkAttestation],
  [/^log\/consistency\.cbor$/u, checkConsistencyFile],
]

/**
 * What a file whose hash is right proves, beyond that whoever signed the package had it.
 *
 * @throws when it is not what its place says
 */
export function checkFile(path: string, bytes: Uint8Array, context: PackageContext): FileCheck {
  const fault = context.log.faults.get(path)
  if (fault !== undefined) throw fault
  if (path === SUMS_PATH) return checkSums(bytes, context.manifest)
  if (path === LOG_KEY_PATH) return checkLogKey(context.log)
  if (path === VKEY_PATH) return { detail: 'the key that verifies the node’s log', status: 'ok' }
  if (path === CHECKPOINT_PATH) return checkCheckpoint(context.log)
  for (const [pattern, check] of CHECKERS) {
    const found = pattern.exec(path)
    if (found !== null) return check(bytes, context, found[1] ?? '')
  }
  if (path.startsWith('policies/')) {
    return {
      detail: 'a policy that was in force, on the word of whoever signed',
      status: 'unproved',
    }
  }
  if (path.startsWith('summary.')) {
    return {
      detail: 'for people: what the files say, retold by whoever signed',
      status: 'unproved',
    }
  }
  return { detail: 'of a kind that this version does not know', status: 'unproved' }
}

function checkSums(bytes: Uint8Array, { files }: PackageManifest): FileCheck {
  const expected = files
    .filter(({ path }) => path !== SUMS_PATH)
    .map(({ path, sha256 }) => `${hex(sha256)}  ${path}\n`)
    .join('')
  if (textOf(bytes) !== expected) throw badPackage('not the hashes of the manifest')
  return { detail: 'the hashes of the manifest, as sha256sum reads them', status: 'ok' }
}
