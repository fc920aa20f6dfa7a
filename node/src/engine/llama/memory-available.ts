import { totalmem } from 'node:os'

export interface AvailableMemory {
  readonly bytes: number
  /** Whether the cache of files counts as available, and so the weights that models have mapped. */
  readonly withFileCache: boolean
}

// macOS tells only pages that nobody uses, hardly any on a machine that has run for a while.
const MACOS_SHARE = 0.7

/** Memory that a new process could take: of the container, where there is a limit on it. */
export function availableMemory(): AvailableMemory {
  if (process.platform === 'darwin') return { bytes: totalmem() * MACOS_SHARE, withFileCache: true }
  const limit = process.constrainedMemory()
  return {
    bytes: process.availableMemory(),
    withFileCache: limit === 0 || limit >= totalmem(),
  }
}
