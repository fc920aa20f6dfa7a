import { existsSync } from 'node:fs'
import { type BundleReport, type ErrorCode, HanseError, verifyBundle } from '@hanse/protocol'
import { readBundle } from '../commands/verify.ts'
import type { ReceiptSource } from './receipt-source.ts'

export interface Verified {
  /** What was to be checked: a session, or a file with its bundle. */
  readonly name: string
  readonly summary: BundleReport['summary']
  /** What speaks against it: the first check that failed, or that there is nothing to check. */
  readonly fault: string | undefined
}

/** Whose word counts, where a bundle rests on somebody's. */
export interface Trust {
  readonly network: string | undefined
  readonly settlements: readonly string[]
}

/** Checks bundles, one after the other: of sessions, and in files. */
export async function* verifyAll(
  source: ReceiptSource,
  names: readonly string[],
  trust: Trust,
): AsyncGenerator<Verified> {
  for (const name of names) {
    const isFile = isFileName(name)
    try {
      const bytes = isFile ? await readBundle(name) : await source.bundle(name)
      yield { name, ...check(bytes, isFile ? undefined : name, trust) }
    } catch (error) {
      // One that is not there is no reason to leave the others unchecked; a gateway that is not there is.
      if (!(error instanceof HanseError) || !MISSING.has(error.code)) throw error
      yield { name, summary: undefined, fault: error.message }
    }
  }
}

const MISSING: ReadonlySet<ErrorCode> = new Set(['HANSE_NOT_FOUND', 'HANSE_REQUEST_INVALID'])

function check(
  bytes: Uint8Array,
  session: string | undefined,
  { network, settlements }: Trust,
): Pick<Verified, 'summary' | 'fault'> {
  const { verified, checks, summary } = verifyBundle(bytes, {
    ...(network === undefined ? {} : { network }),
    ...(settlements.length === 0 ? {} : { attestors: settlements, settlements }),
  })
  const failed = checks.find(({ status }) => status === 'failed')
  if (!verified) return { summary: undefined, fault: `${failed?.id}: ${failed?.detail}` }
  // A gateway that gives the bundle of another session has not proved this one.
  if (session !== undefined && summary?.session !== session)
    return { summary: undefined, fault: `it is the bundle of ${summary?.session}` }
  return { summary, fault: undefined }
}

/** Sessions are named by CIDs, files by nearly everything else. */
function isFileName(name: string): boolean {
  return name === '-' || !/^[a-z2-7]{50,}$/u.test(name) || existsSync(name)
}
