import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(
  new URL('../../node/src/control/testing/example-daemon.ts', import.meta.url),
)

/** A daemon in a process of its own, with real control and logs and a provider that is made up. */
export class ExampleDaemon implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly peerId: string
  readonly address: string

  private constructor(child: ChildProcess, peerId: string, address: string) {
    this.#child = child
    this.#exited = child.exitCode === null ? once(child, 'exit') : Promise.resolve()
    this.peerId = peerId
    this.address = address
  }

  /** @param owner peer id that may control it from another machine */
  static async start(dataDir: string, owner?: string): Promise<ExampleDaemon> {
    const args = [SCRIPT, dataDir, ...(owner === undefined ? [] : [owner])]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    for await (const line of createInterface(child.stdout)) {
      const { peerId, addresses } = JSON.parse(line) as { peerId: string; addresses: string[] }
      return new ExampleDaemon(child, peerId, addresses[0] ?? '')
    }
    throw new Error('the example daemon ended before it was up')
  }

  /** Resolves when it has ended. */
  async exited(): Promise<void> {
    await this.#exited
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
