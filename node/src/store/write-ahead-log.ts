import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const toDisk = promisify(fdatasync)

/**
 * Brings the write-ahead log of an open SQLite database to the disk, as `synchronous = full` does, but in a thread of the
 * pool and once for all who ask meanwhile. SQLite keeps no locks on this file that closing it could drop, and it is there as
 * long as the database is open.
 */
export class WriteAheadLog implements Disposable {
  readonly #file: number
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #isClosed = false

  constructor(path: string) {
    this.#file = openSync(path, 'r+')
    syncFolder(dirname(path))
  }

  /** Resolves when all that was committed before the call is on the disk. @throws the system's error */
  sync(): Promise<void> {
    // One that is under way may have begun before.
    this.#next ??= this.#afterRunning()
    return this.#next
  }

  /** Before the database is closed, which brings all of it to the disk. */
  [Symbol.dispose](): void {
    this.#isClosed = true
    if (this.#running === undefined) closeSync(this.#file)
    else void this.#running.finally(() => closeSync(this.#file)).catch(() => {})
  }

  async #afterRunning(): Promise<void> {
    await this.#running?.catch(() => {})
    this.#next = undefined
    if (this.#isClosed) return
    this.#running = toDisk(this.#file)
    try {
      await this.#running
    } finally {
      this.#running = undefined
    }
  }
}

/** The file may have been made just now: its name has to last too. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
