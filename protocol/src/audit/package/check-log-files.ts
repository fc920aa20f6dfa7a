import { z } from 'zod'
import { HanseError } from '../../errors.ts'
import { PROOF_HASHES_MAX } from '../../log/verify.ts'
import { bytes as bytesOf, counter } from '../../record/fields.ts'
import { decodeCanonical } from '../../wire.ts'
import { compareCheckpoints } from '../verify-settlement-proof.ts'
import type { FileCheck, PackageContext } from './check-file.ts'
import type { PackageLog } from './package-log.ts'
import { badPackage } from './zip.ts'

const CONSISTENCY_BYTES_MAX = 4096

/** That a log only grew since it had `size` entries: DAG-CBOR, as a package holds it. */
export const consistencyFile = z.strictObject({
  size: counter,
  hashes: z.array(bytesOf(32)).max(PROOF_HASHES_MAX),
})

export function checkLogKey({ logKey }: PackageLog): FileCheck {
  if (logKey === undefined) throw badPackage('no key of a settlement’s log')
  return { detail: `the settlement’s word that ${logKey.vkey} signs its log`, status: 'ok' }
}

export function checkCheckpoint({ head }: PackageLog): FileCheck {
  if (head === undefined) throw badPackage('there is no key to open it with')
  const { origin, size, unverified } = head.checkpoint
  const witnesses =
    unverified.length === 0 ? 'no witness' : `${unverified.length} lines of witnesses`
  return {
    detail: `the log ${origin} had ${size} entries, and signed it; ${witnesses}`,
    status: 'ok',
  }
}

/** Holds the package's checkpoint against one that the reader remembers. */
export function checkConsistencyFile(bytes: Uint8Array, { log, trust }: PackageContext): FileCheck {
  const parsed = consistencyFile.safeParse(decodeCanonical(bytes, CONSISTENCY_BYTES_MAX))
  if (!parsed.success) throw badPackage('not a proof of consistency')
  const { head, key } = log
  if (head === undefined || key === undefined) throw badPackage('there is no checkpoint that opens')
  const { size } = parsed.data
  if (size > head.checkpoint.size) throw badPackage('it leads from a larger log to a smaller one')
  const leads = `leads from ${size} entries to ${head.checkpoint.size}`
  if (trust.checkpoint === undefined) {
    return { detail: `${leads}: give the checkpoint that you remember`, status: 'unproved' }
  }
  const compared = compareCheckpoints(
    { checkpoint: head.checkpoint, key: { value: { vkey: key } } },
    { consistency: parsed.data },
    trust.checkpoint,
  )
  if (compared !== undefined)
    return { detail: 'the log only grew since the checkpoint given', status: 'ok' }
  return { detail: `${leads}, and not to the checkpoint given`, status: 'unproved' }
}

/** What an event's proof says of the log; all of a package are under its one checkpoint. */
export function headOf({
  head,
  key,
}: PackageLog): NonNullable<PackageLog['head']> & { key: string } {
  if (head !== undefined && key !== undefined) return { ...head, key }
  throw new HanseError('HANSE_PACKAGE_FORMAT', 'there is no checkpoint that opens')
}
