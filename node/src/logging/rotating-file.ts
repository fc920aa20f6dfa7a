import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

export interface RotatingFileOptions {
  /** A line that would pass this size goes into a new file. */
  readonly bytesMax: number
  /** Files that are kept, the one that is written included. */
  readonly filesMax: number
  readonly now: () => number
}

/** How soon a file that could not be opened is tried again. */
const REOPEN_MS = 1_000

/**
 * Lines in a file of bounded size, with some older files beside it: `name`, `name.1`, `name.2` … Writing never throws: what
 * the disk does not take is counted, and told in a line of its own as soon as it takes lines again.
 */
export class RotatingFile implements Disposable {
  readonly #path: string
  readonly #options: RotatingFileOptions
  #fd: number | undefined
  #size = 0
  /** The last write stopped inside a line. */
  #torn = false
  #retryAt = 0
  #lost = 0
  #untold = 0

  constructor(path: string, options: RotatingFileOptions) {
    this.#path = path
    this.#options = options
  }

  /** Lines that the disk did not take. */
  get lost(): number {
    return this.#lost
  }

  /** @param text whole lines, each with its line feed */
  write(text: string, lines = 1): void {
    try {
      if (this.#untold > 0) this.#append(lostLine(this.#untold, this.#options.now()))
      this.#untold = 0
      this.#append(text)
    } catch {
      // A daemon that earns does not stop for its log.
      this.#lost += lines
      this.#untold += lines
    }
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #append(line: string): void {
    const bytes = Buffer.from(this.#torn ? `\n${line}` : line)
    if (this.#fd === undefined) this.#open()
    if (this.#size > 0 && this.#size + bytes.length > this.#options.bytesMax) this.#rotate()
    const fd = this.#fd
    if (fd === undefined) throw new Error('the log file is not open')
    let written = 0
    try {
      while (written < bytes.length) written += writeSync(fd, bytes, written)
      this.#torn = false
    } catch (error) {
      if (written > 0) this.#torn = true
      throw error
    } finally {
      this.#size += written
    }
  }

  #open(): void {
    const now = this.#options.now()
    if (now < this.#retryAt) throw new Error('the log file could not be opened a moment ago')
    this.#retryAt = now + REOPEN_MS
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
    const fd = openSync(this.#path, 'a', 0o600)
    this.#fd = fd
    this.#retryAt = 0
    this.#size = fstatSync(fd).size
  }

  #rotate(): void {
    this.#close()
    const { filesMax } = this.#options
    if (filesMax <= 1) rmSync(this.#path, { force: true })
    for (let age = filesMax - 1; age >= 1; age--) {
      const from = age === 1 ? this.#path : `${this.#path}.${age - 1}`
      try {
        renameSync(from, `${this.#path}.${age}`)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    this.#open()
  }

  #close(): void {
    if (this.#fd === undefined) return
    const fd = this.#fd
    this.#fd = undefined
    try {
      closeSync(fd)
    } catch {
      // Nothing more can be done for what a full disk held back.
    }
  }
}

function lostLine(lost: number, time: number): string {
  return `${JSON.stringify({ level: 40, time, lost, msg: 'the disk took no log lines for a while' })}\n`
}
