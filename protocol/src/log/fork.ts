import { bytesEqual } from '../wire.ts'
import { type OpenCheckpoint, openCheckpoint } from './checkpoint.ts'

/** Two signed checkpoints of one log that cannot both be true. Anyone can check them with the log's key alone. */
export interface ForkEvidence {
  readonly first: string
  readonly second: string
}

/**
 * Whether one log signed two trees of one size: the same size, other roots, both with its key. `false` for anything
 * else, also for what is no evidence at all. Of two different sizes no pair of checkpoints alone shows a fork.
 *
 * @param logKey one key of the log; where it has several, each checkpoint may be signed by another: then `otherKey`
 */
export function provesFork(
  { first, second }: ForkEvidence,
  logKey: string,
  otherKey: string = logKey,
): boolean {
  const a = tryOpen(first, logKey)
  const b = tryOpen(second, otherKey)
  return (
    a !== undefined &&
    b !== undefined &&
    a.origin === b.origin &&
    a.size === b.size &&
    !bytesEqual(a.root, b.root)
  )
}

function tryOpen(note: string, logKey: string): OpenCheckpoint | undefined {
  try {
    return openCheckpoint(note, logKey)
  } catch {
    return undefined
  }
}
