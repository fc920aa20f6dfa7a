import type { Child, Facts } from '../../../scripts/demo/child.ts'

/** What the engine says of its paced chats, one at a time. */
export class EngineChats {
  readonly #waiting = new Set<(facts: Facts) => void>()

  constructor(engine: Child) {
    engine.on((event, facts) => {
      if (event === 'chat') for (const waiting of this.#waiting) waiting(facts)
    })
  }

  /** The next chat that begins. */
  next(): EngineChat {
    const begun = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<EngineEnd>()
    let id: unknown
    const listener = (facts: Facts): void => {
      if (facts.state === 'begun' && id === undefined) {
        id = facts.id
        begun.resolve()
      } else if (facts.id === id && facts.state !== 'begun') {
        this.#waiting.delete(listener)
        ended.resolve({ aborted: facts.state === 'aborted', atNs: BigInt(String(facts.atNs)) })
      }
    }
    this.#waiting.add(listener)
    return { begun: begun.promise, ended: ended.promise }
  }
}

export interface EngineChat {
  readonly begun: Promise<void>
  readonly ended: Promise<EngineEnd>
}

export interface EngineEnd {
  /** Whether its client left before the answer was out. */
  readonly aborted: boolean
  /** On the monotonic clock of the machine. */
  readonly atNs: bigint
}
