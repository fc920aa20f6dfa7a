import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'

export type Facts = Readonly<Record<string, unknown>>

/** A model is loaded and a database made in seconds; a machine under load may need more. */
const EVENT_MS = 90_000
/** Daemons finish what runs; after this they are killed. */
const STOP_MS = 15_000

/** One of the demonstration's processes. It tells of itself in JSON lines; its log goes to a file. */
export class Child implements AsyncDisposable {
  readonly name: string
  readonly #process: ChildProcess
  readonly #logPath: string
  readonly #events = new Map<string, Facts>()
  readonly #listeners = new Set<(event: string, facts: Facts) => void>()
  #exit: string | undefined
  #stopping = false

  constructor(
    name: string,
    args: readonly string[],
    options: {
      cwd: string
      logPath: string
      env?: Readonly<Record<string, string>>
      /** Goes on with the log of the process that had this name before. */
      appendLog?: boolean
      /** In a process group of its own, which a Ctrl-C of the terminal does not reach. */
      detached?: boolean
      /** A command that replaces itself by the one that follows it, such as `ip netns exec lab`. */
      under?: readonly string[]
    },
  ) {
    this.name = name
    this.#logPath = options.logPath
    mkdirSync(dirname(options.logPath), { recursive: true, mode: 0o700 })
    const [command = process.execPath, ...all] = [
      ...(options.under ?? []),
      process.execPath,
      ...args,
    ]
    this.#process = spawn(command, all, {
      cwd: options.cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: options.detached === true,
      env: { ...process.env, ...options.env, HANSE_STOP_WITH_PARENT: '1' },
    })
    const { stdout, stderr } = this.#process
    if (stdout === null || stderr === null) throw new Error('no pipes')
    const flags = options.appendLog === true ? 'a' : 'w'
    stderr.pipe(createWriteStream(options.logPath, { flags, mode: 0o600 }))
    createInterface({ input: stdout }).on('line', (line) => this.#onLine(line))
    this.#process.once('exit', (code, signal) => {
      this.#exit = signal ?? `code ${code}`
      this.#emit('exit', {})
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Calls back for every event from now on. */
  on(listener: (event: string, facts: Facts) => void): void {
    this.#listeners.add(listener)
  }

  /** The first `event` that satisfies `accept`. @throws when the process ends or takes too long */
  async event(event: string, accept: (facts: Facts) => boolean = () => true): Promise<Facts> {
    const last = this.#events.get(event)
    if (last !== undefined && accept(last)) return last
    const { promise, resolve, reject } = Promise.withResolvers<Facts>()
    const fail = (why: string) => reject(new Error(`${this.name} ${why}:\n${this.#logTail()}`))
    const listener = (name: string, facts: Facts) => {
      if (name === 'exit') fail(`ended (${this.#exit})`)
      else if (name === event && accept(facts)) resolve(facts)
    }
    if (this.#exit !== undefined) fail(`ended (${this.#exit})`)
    const timer = setTimeout(
      () => fail(`did not say "${event}" within ${EVENT_MS / 1000} s`),
      EVENT_MS,
    )
    this.#listeners.add(listener)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#listeners.delete(listener)
    }
  }

  /** Whether it ended without being asked to. */
  get failed(): boolean {
    return this.#exit !== undefined && !this.#stopping
  }

  /** Whether it was killed, by us or by whoever else may: it had no time to finish anything. */
  get wasKilled(): boolean {
    return this.#exit === 'SIGKILL'
  }

  /** Ends it at once, as a crash would. */
  kill(): void {
    this.#stopping = true
    this.#process.kill('SIGKILL')
  }

  /** Kills it, and resolves when it is gone with all that it held open. */
  async killed(): Promise<void> {
    if (this.#exit !== undefined) return
    const exited = once(this.#process, 'exit')
    this.kill()
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    if (this.#exit !== undefined) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS)
    await exited
    clearTimeout(timer)
  }

  #onLine(line: string): void {
    let facts: Facts
    try {
      facts = JSON.parse(line) as Facts
    } catch {
      return // not for us
    }
    if (typeof facts.event === 'string') this.#emit(facts.event, facts)
  }

  #emit(event: string, facts: Facts): void {
    this.#events.set(event, facts)
    for (const listener of this.#listeners) listener(event, facts)
  }

  #logTail(): string {
    try {
      return readFileSync(this.#logPath, 'utf8').split('\n').slice(-12).join('\n')
    } catch {
      return '(no log)'
    }
  }
}
