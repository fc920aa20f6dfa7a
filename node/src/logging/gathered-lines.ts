/** A line of pino that is not about trouble begins so: debug, info. */
const ROUTINE = /^\{"level":[123]0,/u
/** What is gathered is never more than this and a line, characters. */
const GATHERED_MAX = 64 * 1024

/**
 * Lines of one turn of the event loop leave together, since a write costs more than making the line. A warning takes all
 * that came before it along at once, and so does the end of the process.
 */
export class GatheredLines implements Disposable {
  readonly #write: (text: string, lines: number) => void
  readonly #flush = (): void => this.flush()
  #text = ''
  #lines = 0

  constructor(write: (text: string, lines: number) => void) {
    this.#write = write
    process.on('exit', this.#flush)
  }

  /** @param line with its line feed */
  push(line: string): void {
    if (this.#lines === 0) setImmediate(this.#flush)
    this.#text += line
    this.#lines++
    if (this.#text.length >= GATHERED_MAX || !ROUTINE.test(line)) this.flush()
  }

  flush(): void {
    if (this.#lines === 0) return
    const [text, lines] = [this.#text, this.#lines]
    this.#text = ''
    this.#lines = 0
    this.#write(text, lines)
  }

  [Symbol.dispose](): void {
    this.flush()
    process.off('exit', this.#flush)
  }
}
