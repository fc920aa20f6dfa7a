import type { SignedRecord } from '@hanse/protocol'
import type { Outcome, Trust } from './check.ts'
import type { Answer, Question } from './worker.ts'

type Asked = { readonly bytes: Uint8Array } | { readonly signed: SignedRecord }

/** Checks in a worker, one after the other. */
export class Verifier {
  readonly #worker: Worker
  readonly #waiting = new Map<number, (outcome: Outcome) => void>()
  #next = 1

  /** `onReady` is called once everything is loaded, `onFault` when it cannot be. */
  constructor(onReady: () => void, onFault: () => void) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    this.#worker.onerror = onFault
    this.#worker.onmessage = ({ data }: MessageEvent<Answer | 'ready'>) => {
      if (data === 'ready') return onReady()
      this.#waiting.get(data.id)?.(data.outcome)
      this.#waiting.delete(data.id)
    }
  }

  check(asked: Asked, trust: Trust): Promise<Outcome> {
    const id = this.#next++
    const question: Question = { id, trust, ...asked }
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#worker.postMessage(question)
    })
  }

  close(): void {
    this.#worker.terminate()
  }
}
