import { type Completer, createInterface, type Interface, type Key } from 'node:readline'

// Bracketed paste: the terminal says where a paste begins and ends, so that its lines are one text.
const TELL_PASTES = '\x1b[?2004h'
const TELL_NO_PASTES = '\x1b[?2004l'

export interface LineReaderOptions {
  readonly completer: Completer
  /** Ctrl-C. */
  readonly onInterrupt: () => void
  /** Ctrl-D, or the terminal is gone. */
  readonly onClose: () => void
}

/** Reads what is typed at a terminal, also what was typed before it was asked for. A paste of many lines is one text. */
export class LineReader implements Disposable {
  readonly #lines: Interface
  readonly #ready: string[] = []
  #pasted = ''
  #isPasting = false
  #isClosed = false
  #waiting: PromiseWithResolvers<string | undefined> | undefined
  readonly #onKey = (_: string | undefined, { name }: Key): void => {
    if (name === 'paste-start') this.#isPasting = true
    if (name === 'paste-end') this.#isPasting = false
  }

  constructor({ completer, onInterrupt, onClose }: LineReaderOptions) {
    const { stdin, stdout } = process
    // Before readline, whose own listener makes a line of what follows.
    stdin.on('keypress', this.#onKey)
    this.#lines = createInterface({ input: stdin, output: stdout, completer })
    stdout.write(TELL_PASTES)
    this.#lines.on('line', (line) => this.#take(line))
    this.#lines.on('SIGINT', onInterrupt)
    this.#lines.on('close', () => {
      this.#isClosed = true
      stdin.off('keypress', this.#onKey)
      stdout.write(TELL_NO_PASTES)
      this.#waiting?.resolve(undefined)
      onClose()
    })
  }

  /** @returns `undefined` after Ctrl-D */
  async next(prompt: string): Promise<string | undefined> {
    const ready = this.#ready.shift()
    if (ready !== undefined || this.#isClosed) return ready
    this.#waiting = Promise.withResolvers()
    this.#lines.setPrompt(prompt)
    this.#lines.prompt()
    return await this.#waiting.promise
  }

  /** Takes back what is typed and not yet sent. @returns whether there was anything */
  clear(): boolean {
    const had = this.#lines.line !== '' || this.#pasted !== ''
    this.#pasted = ''
    this.#lines.write(null, { ctrl: true, name: 'e' })
    this.#lines.write(null, { ctrl: true, name: 'u' })
    return had
  }

  #take(line: string): void {
    if (this.#isPasting) {
      this.#pasted += `${line}\n`
      return
    }
    const text = this.#pasted + line
    this.#pasted = ''
    if (this.#waiting === undefined) this.#ready.push(text)
    else this.#waiting.resolve(text)
    this.#waiting = undefined
  }

  [Symbol.dispose](): void {
    this.#lines.close()
  }
}
