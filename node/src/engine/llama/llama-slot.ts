import type { LlamaContext, LlamaContextSequence, LlamaModel } from 'node-llama-cpp'

export interface SlotOptions {
  readonly contextLength: number
  readonly threads: number
}

/** What a slot's answer is written to; generation waits while it has no room. */
export interface Reader {
  room(): Promise<void>
}

/**
 * One answer at a time. Each slot has a context of its own: sequences of one context are computed in one batch, and
 * then the last bits of an answer depend on who else is being answered (measured: 144 of 402 tokens).
 */
export class LlamaSlot {
  readonly context: LlamaContext
  readonly sequence: LlamaContextSequence
  #reader: Reader | undefined
  #callSince: number | undefined

  private constructor(context: LlamaContext, onBatch: { call?: () => void }) {
    this.context = context
    this.sequence = context.getSequence()
    onBatch.call = () => {
      this.#callSince = performance.now()
    }
    this.#pace()
  }

  static async open(model: LlamaModel, options: SlotOptions): Promise<LlamaSlot> {
    const onBatch: { call?: () => void } = {}
    const context = await model.createContext({
      contextSize: options.contextLength,
      sequences: 1,
      // Results depend on how many threads share the work, so there are never fewer.
      threads: { ideal: options.threads, min: options.threads },
      batching: {
        itemPrioritizationStrategy: ({ items, size }) => {
          onBatch.call?.()
          return items.map((item) => ({ item, processAmount: Math.min(item.tokens.length, size) }))
        },
      },
    })
    return new LlamaSlot(context, onBatch)
  }

  /** How long llama.cpp has been computing the batch that it is at, ms; 0 when at none. */
  get callMs(): number {
    return this.#callSince === undefined ? 0 : performance.now() - this.#callSince
  }

  /** Forgets what was answered before, and holds the next answer to the pace of its reader. */
  async begin(reader: Reader): Promise<void> {
    this.#reader = reader
    // A prompt prefix left by somebody else's request would answer faster, and so give it away.
    await this.sequence.clearHistory()
  }

  end(): void {
    this.#reader = undefined
  }

  /** node-llama-cpp generates as fast as it can; between two tokens it may be held back. */
  #pace(): void {
    const evaluate = this.sequence.evaluate.bind(this.sequence)
    const call = async <T>(calling: Promise<T>): Promise<T> => await this.#call(calling)
    const room = async (): Promise<void> => await this.#reader?.room()
    this.sequence.evaluate = async function* paced(tokens, options) {
      const generated = evaluate(tokens, options)
      try {
        let step = await call(generated.next())
        while (step.done !== true) {
          const replacement = yield step.value
          await room()
          step = await call(generated.next(replacement))
        }
      } finally {
        await generated.return()
      }
    }
  }

  async #call<T>(calling: Promise<T>): Promise<T> {
    this.#callSince = performance.now()
    try {
      return await calling
    } finally {
      this.#callSince = undefined
    }
  }
}
