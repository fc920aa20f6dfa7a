import {
  asHanseError,
  bytesEqual,
  emptyRoot,
  type OpenCheckpoint,
  openCheckpoint,
  TileReader,
  verifyConsistency,
} from '@hanse/protocol'
import type { ReportDraft } from './report.ts'
import { type LogSource, textOf } from './source.ts'

/** A checkpoint of the same log that somebody saw: earlier, or elsewhere. */
export interface SeenCheckpoint {
  /** Where it is from, for people. */
  readonly name: string
  readonly note: string | Uint8Array
  /** What it means when this log is smaller: it has gone back, or it may be a copy that is only behind. */
  readonly ifSmaller: 'failed' | 'unproved'
}

type Head = OpenCheckpoint & { readonly note: string }

/** Reports whether a log continues a checkpoint that was seen; of two that cannot both be true it shows both. */
export async function compareCheckpoint(
  source: LogSource,
  head: Head,
  seen: SeenCheckpoint,
  { vkey, isWhole }: { readonly vkey: string; readonly isWhole: boolean },
  draft: ReportDraft,
): Promise<void> {
  const id = 'consistency'
  let other: OpenCheckpoint
  try {
    other = openCheckpoint(seen.note, vkey)
  } catch (error) {
    const { code, message } = asHanseError(error)
    draft.fail(id, code, `${seen.name} is no checkpoint of this log: ${message}`)
    return
  }
  const evidence = { first: textOf(seen.note), second: head.note }
  if (other.size === head.size) {
    if (bytesEqual(other.root, head.root)) draft.ok(id, `the same tree as ${seen.name}`)
    else draft.fork(id, `another root than ${seen.name} for ${head.size} entries`, evidence)
    return
  }
  // The signed roots are all that a fork needs; whether trees of two sizes agree, only whole tiles can say.
  if (!isWhole) {
    draft.unproved(id, `not compared with ${seen.name}: the tiles are wrong`)
    return
  }
  if (other.size < head.size) {
    if (await isConsistent(source, other, head)) {
      draft.ok(id, `continues ${seen.name} of ${other.size} entries`)
    } else {
      const detail = `the tree of ${head.size} entries does not begin with that of ${seen.name} (${other.size})`
      draft.fork(id, detail, evidence)
    }
    return
  }
  const detail = `${seen.name} has ${other.size} entries, this log ${head.size}`
  // The tiles of the larger tree may be here before its checkpoint is.
  if (await isConsistent(source, head, other).catch(() => false)) {
    draft.ok(id, `${detail}; its tiles go on to there`)
  } else if (seen.ifSmaller === 'unproved') {
    draft.unproved(id, `${detail}: not compared`)
  } else {
    draft.fail(id, 'HANSE_LOG_ROLLBACK', `ROLLBACK: ${detail}`)
  }
}

/** Whether the tiles lead from the one signed root to the other. */
async function isConsistent(
  source: LogSource,
  older: OpenCheckpoint,
  newer: OpenCheckpoint,
): Promise<boolean> {
  if (older.size === 0n) return bytesEqual(older.root, emptyRoot())
  const proof = await new TileReader(source.tile, newer.size).consistencyProof(older.size)
  const sizes = { size1: older.size, size2: newer.size }
  return verifyConsistency({ ...sizes, root1: older.root, root2: newer.root, proof })
}
