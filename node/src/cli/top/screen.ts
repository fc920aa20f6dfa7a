import { writeSync } from 'node:fs'
import type { ReadStream, WriteStream } from 'node:tty'

// Alternate screen, no cursor, no wrapping of long lines; and all of that undone.
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J'
const STDOUT = 1
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l'

/**
 * A terminal's alternate screen, and its keys one by one. It is left as it was found however the process ends, but for
 * kill -9.
 */
export class Screen implements Disposable {
  readonly #input: ReadStream
  readonly #output: WriteStream
  readonly #leave = (): void => this[Symbol.dispose]()
  #shown: string[] = []
  #open = true

  constructor(input: ReadStream, output: WriteStream) {
    this.#input = input
    this.#output = output
    input.setRawMode(true)
    input.resume()
    output.write(ENTER)
    // Before a fault is printed, for what is printed on the alternate screen is lost.
    process.on('uncaughtExceptionMonitor', this.#leave)
    process.on('exit', this.#leave)
  }

  get columns(): number {
    return this.#output.columns
  }

  get rows(): number {
    return this.#output.rows
  }

  get colours(): boolean {
    return this.#output.hasColors() && (process.env.NO_COLOR ?? '') === ''
  }

  /** Shows these lines; only those that differ are written. */
  draw(lines: readonly string[]): void {
    if (!this.#open) return
    let changes = ''
    for (let row = 0; row < Math.max(lines.length, this.#shown.length); row++) {
      const line = lines[row] ?? ''
      if (line === this.#shown[row]) continue
      // Erased first: behind a line that fills the row, erasing would take its last character.
      changes += `\x1b[${row + 1};1H\x1b[2K${line}`
    }
    this.#shown = [...lines]
    if (changes !== '') this.#output.write(changes)
  }

  /** Draws all of it next time: the terminal has a new size. */
  forget(): void {
    this.#shown = []
    if (this.#open) this.#output.write('\x1b[2J')
  }

  [Symbol.dispose](): void {
    if (!this.#open) return
    this.#open = false
    process.off('uncaughtExceptionMonitor', this.#leave)
    process.off('exit', this.#leave)
    try {
      this.#input.setRawMode(false)
      // Written at once: the process may end with this very line.
      writeSync(STDOUT, LEAVE)
    } catch {
      // The terminal is gone.
    }
    this.#input.pause()
  }
}
