import { type ChildProcess, spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

/** How a program ended. `absent`: it is not on this machine, which is no fault. */
export type ProgramResult =
  | { readonly kind: 'done'; readonly stdout: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly reason: string; readonly stdout: string }

export interface ProgramsOptions {
  /** Folders to look in, like PATH. */
  readonly path: string
  /** Where vendors put their tools without telling PATH. */
  readonly moreFolders?: readonly string[]
  readonly platform?: NodeJS.Platform
  readonly spawn?: typeof spawn
  readonly timeoutMs?: number
}

/** A healthy nvidia-smi of eight cards answers in about a second; a driver in trouble never does. */
const TIMEOUT_MS = 3_000
/** A machine with sixteen cards prints some 4 kB; system_profiler with many displays some 50 kB. */
const OUTPUT_BYTES_MAX = 1 << 20
const REASON_LENGTH_MAX = 200

/** Runs the tools of GPU vendors: no shell, a time limit, an output limit. Never throws. */
export class Programs {
  readonly #options: ProgramsOptions
  /** Killed and not yet gone: a process that waits for a dead driver cannot be killed, and must not pile up. */
  readonly #stuck = new Map<string, ChildProcess>()

  constructor(options: ProgramsOptions) {
    this.#options = options
  }

  /** Absolute path of a program; relative entries of PATH are left out, for they depend on where one stands. */
  async find(name: string): Promise<string | undefined> {
    const { path, moreFolders = [], platform = process.platform } = this.#options
    const folders = [...path.split(delimiter), ...moreFolders].filter((folder) =>
      isAbsolute(folder),
    )
    for (const folder of folders) {
      const file = join(folder, platform === 'win32' ? `${name}.exe` : name)
      const found = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (found) return file
    }
    return undefined
  }

  async run(
    name: string,
    args: readonly string[],
    timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS,
  ): Promise<ProgramResult> {
    const file = await this.find(name)
    if (file === undefined) return { kind: 'absent' }
    return await this.runFile(file, args, timeoutMs)
  }

  async runFile(
    file: string,
    args: readonly string[],
    timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS,
  ): Promise<ProgramResult> {
    const key = [file, ...args].join(' ')
    if (this.#stuck.has(key)) {
      return failed('it still hangs since it was last asked, and cannot be ended')
    }
    return await new Promise((resolve) => this.#spawn(file, args, timeoutMs, key, resolve))
  }

  #spawn(
    file: string,
    args: readonly string[],
    timeoutMs: number,
    key: string,
    resolve: (result: ProgramResult) => void,
  ): void {
    let child: ChildProcess
    try {
      child = (this.#options.spawn ?? spawn)(file, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        // Digits and words as the parsers know them.
        env: { ...process.env, LC_ALL: 'C', LANG: 'C' },
        // A group of its own, so that what it starts dies with it.
        detached: process.platform !== 'win32',
        windowsHide: true,
      })
    } catch (error) {
      resolve(failed(String(error)))
      return
    }
    let stdout = ''
    let stderr = ''
    const stop = (reason: string): void => {
      this.#stuck.set(key, child)
      killGroup(child)
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.unref()
      settle(failed(reason, stdout))
    }
    const timer = setTimeout(() => stop(`no answer within ${timeoutMs / 1000} s`), timeoutMs)
    const settle = (result: ProgramResult): void => {
      clearTimeout(timer)
      resolve(result)
    }
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (stdout.length > OUTPUT_BYTES_MAX) stop('it prints without end')
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < OUTPUT_BYTES_MAX) stderr += text
    })
    child.on('exit', () => this.#stuck.delete(key))
    child.on('error', (error) => {
      this.#stuck.delete(key)
      settle(failed(error.message))
    })
    child.on('close', (code, signal) => {
      if (code === 0) settle({ kind: 'done', stdout })
      else
        settle(
          failed(
            firstLine(stderr) || firstLine(stdout) || `it ended with ${code ?? signal}`,
            stdout,
          ),
        )
    })
  }
}

/** What ran on Node itself; used where a library may block for long. */
export async function runNode(
  programs: Programs,
  script: string,
  timeoutMs: number,
): Promise<ProgramResult> {
  return await programs.runFile(process.execPath, [script], timeoutMs)
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // It ended in the meantime.
  }
}

function failed(reason: string, stdout = ''): ProgramResult {
  return { kind: 'failed', reason: reason.slice(0, REASON_LENGTH_MAX), stdout }
}

function firstLine(text: string): string {
  return text.trim().split(/\r?\n/u)[0]?.trim() ?? ''
}
