import { fsyncSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'

/** What of Emscripten's module is touched: internal to PGlite, so its version is pinned and a test counts the calls. */
interface EmscriptenModule {
  NODEFS: { stream_ops: { fsync?: (stream: { nfd: number }) => number } }
}

/**
 * PGlite's Node file system with an fsync that reaches the disk: its own has none, and after a power cut everything in
 * the page cache would be lost.
 */
export class DurableNodeFS extends NodeFS {
  /** Calls so far. */
  fsyncs = 0

  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const initialised = await super.init(...args)
    const install = (module: EmscriptenModule): void => {
      module.NODEFS.stream_ops.fsync = ({ nfd }) => {
        fsyncSync(nfd)
        this.fsyncs++
        return 0
      }
    }
    const { preRun } = initialised.emscriptenOpts
    if (!Array.isArray(preRun)) throw new TypeError('PGlite changed how its file system is set up')
    ;(preRun as unknown[]).unshift(install)
    return initialised
  }
}

/** Both are needed: `-F` switches fsync off, and the default method, fdatasync, stays a stub. */
export const DURABLE_START_PARAMS = PGlite.defaultStartParams
  .filter((param) => param !== '-F')
  .concat('-c', 'wal_sync_method=fsync')
