import { type IPty, spawn } from '@lydell/node-pty'
import xterm from '@xterm/headless'

export interface TerminalOptions {
  readonly columns?: number
  readonly rows?: number
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

export interface TerminalExit {
  readonly code: number
  /** Number of the signal that ended it; 0 for none. */
  readonly signal: number
}

/** Long enough for a loaded machine to start Node and load every module; a screen that comes ends the wait at once. */
const SCREEN_MS = 30_000
const EXIT_MS = 15_000

/** A program in a pseudo-terminal, and the screen that its user would see. */
export class TestTerminal implements AsyncDisposable {
  readonly #pty: IPty
  readonly #screen: xterm.Terminal
  readonly #exit = Promise.withResolvers<TerminalExit>()
  #exited: TerminalExit | undefined
  #changed = Promise.withResolvers<void>()
  /** Everything that was printed, with its escape sequences. */
  raw = ''

  /** Runs `command` with `args` as a shell in a terminal window would. */
  constructor(command: string, args: readonly string[], options: TerminalOptions) {
    const { columns = 100, rows = 30, cwd, env = {} } = options
    this.#screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
    this.#pty = spawn(command, [...args], {
      name: 'xterm-256color',
      cols: columns,
      rows,
      cwd,
      env: { ...process.env, ...env },
    })
    // Answers of the terminal to what the program asks it, such as where its cursor is.
    this.#screen.onData((answer) => {
      if (this.#exited === undefined) this.#pty.write(answer)
    })
    this.#pty.onData((data) => {
      this.raw += data
      this.#screen.write(data, () => this.#tell())
    })
    this.#pty.onExit(({ exitCode, signal }) => {
      this.#exited = { code: exitCode, signal: signal ?? 0 }
      // Behind what was printed last, so that whoever waits for the end sees all of it.
      this.#screen.write('', () => {
        if (this.#exited !== undefined) this.#exit.resolve(this.#exited)
        this.#tell()
      })
    })
  }

  get pid(): number {
    return this.#pty.pid
  }

  /** Whether the program shows the alternate screen, as editors do. */
  get alternate(): boolean {
    return this.#screen.buffer.active.type === 'alternate'
  }

  /** The visible lines, without spaces at their ends. */
  lines(): string[] {
    const { active } = this.#screen.buffer
    return Array.from(
      { length: this.#screen.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? '',
    )
  }

  text(): string {
    return this.lines().join('\n')
  }

  /** Resolves with the screen once it matches. @throws with the screen when it does not in time, or the program ends. */
  async until(
    match: RegExp | ((screen: string) => boolean),
    timeoutMs: number = SCREEN_MS,
  ): Promise<string> {
    const matches = (screen: string) =>
      typeof match === 'function' ? match(screen) : match.test(screen)
    const timeout = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => timeout.resolve('late'), timeoutMs)
    try {
      for (;;) {
        const changed = this.#changed.promise
        const screen = this.text()
        if (matches(screen)) return screen
        if (this.#exited !== undefined)
          throw new Error(
            `ended with ${JSON.stringify(this.#exited)} before ${String(match)}:\n${screen}`,
          )
        if ((await Promise.race([changed, timeout.promise])) === 'late')
          throw new Error(`${String(match)} did not come within ${timeoutMs} ms:\n${this.text()}`)
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Types `keys`; `\r` is Enter, `\x03` Ctrl-C, `\x1b[B` arrow down. */
  type(keys: string): void {
    this.#pty.write(keys)
  }

  resize(columns: number, rows: number): void {
    this.#screen.resize(columns, rows)
    this.#pty.resize(columns, rows)
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#exited === undefined) this.#pty.kill(signal)
  }

  /** Resolves when the program has ended. @throws when it does not in time */
  async exit(timeoutMs: number = EXIT_MS): Promise<TerminalExit> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => late.reject(new Error(`still runs after ${timeoutMs} ms:\n${this.text()}`)),
      timeoutMs,
    )
    try {
      return await Promise.race([this.#exit.promise, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL')
    await this.exit()
    this.#screen.dispose()
  }

  #tell(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }
}
