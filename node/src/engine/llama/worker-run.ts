import type { Engine, EngineRequest } from '../engine.ts'
import { BATCHES_AHEAD, type FromWorker } from './worker-protocol.ts'

/** One answer in the worker, never further ahead of its reader than BATCHES_AHEAD. */
export class WorkerRun {
  readonly #id: number
  readonly #send: (message: FromWorker) => void
  readonly #abort = new AbortController()
  #ahead = 0
  #goOn: (() => void) | undefined

  constructor(id: number, send: (message: FromWorker) => void) {
    this.#id = id
    this.#send = send
  }

  async go(engine: Engine, request: EngineRequest): Promise<void> {
    for await (const events of engine.run(request, this.#abort.signal)) {
      this.#send({ type: 'events', id: this.#id, events })
      this.#ahead += 1
      while (this.#ahead >= BATCHES_AHEAD && !this.#abort.signal.aborted) {
        await new Promise<void>((resolve) => {
          this.#goOn = resolve
        })
      }
    }
  }

  read(batches: number): void {
    this.#ahead -= batches
    this.#goOn?.()
  }

  abort(): void {
    this.#abort.abort()
    this.#goOn?.()
  }
}
