import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Processes that a process has started and whose command line matches. Linux alone tells in /proc. */
export function childrenOf(parent: number, commandLine: RegExp): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent && commandLine.test(read(pid, 'cmdline')))
}

/** Memory that a process holds, bytes. */
export function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/mu.exec(read(pid, 'status')) ?? []
  if (kib === undefined) throw new Error(`no process ${pid}`)
  return Number(kib) * 1024
}

export function isAlive(pid: number): boolean {
  const state = /^State:\s+(\S)/mu.exec(read(pid, 'status'))?.[1]
  return state !== undefined && state !== 'Z'
}

function parentOf(pid: number): number | undefined {
  const [, parent] = /^PPid:\s+(\d+)/mu.exec(read(pid, 'status')) ?? []
  return parent === undefined ? undefined : Number(parent)
}

/** Empty for a process that is gone. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** The double of vLLM in a process of its own. */
export class VllmProcess implements AsyncDisposable {
  readonly url: string
  readonly #kill: () => Promise<void>

  private constructor(url: string, kill: () => Promise<void>) {
    this.url = url
    this.#kill = kill
  }

  static async start(args: readonly string[]): Promise<VllmProcess> {
    const script = fileURLToPath(new URL('./vllm-double.ts', import.meta.url))
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
    const { url } = JSON.parse(line) as { url: string }
    return new VllmProcess(url, async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    })
  }

  get port(): string {
    return new URL(this.url).port
  }

  /** Changes how it behaves from now on. */
  async control(fields: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/_double`, {
      method: 'POST',
      body: JSON.stringify(fields),
    })
    return (await response.json()) as Record<string, unknown>
  }

  async kill(): Promise<void> {
    await this.#kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill()
  }
}
