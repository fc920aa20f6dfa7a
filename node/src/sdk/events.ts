import type { PicoEuro, Prices, Receipt } from '@hanse/protocol'
import type { Failover } from '../consumer/continuation/failover.ts'
import type { PlaceRefused } from '../consumer/recipient-check.ts'
import type { SessionOutcome } from '../consumer/session-client.ts'
import type { FoundCheck } from '../consumer/spot-check/spot-checker.ts'

/** What becomes known while answers come. Sessions are named by the CID of their order. */
export interface ConsumerEvents {
  /** A provider asked for other prices than it offered. */
  readonly quote: {
    readonly session: string
    readonly inputPrice: PicoEuro
    readonly outputPrice: PicoEuro
    /** Whether the prices were agreed to. */
    readonly taken: boolean
  }
  /** A receipt was found good and countersigned; both sides have it. */
  readonly receipt: { readonly session: string; readonly receipt: Receipt }
  /** A provider stopped in mid-answer, and another one goes on with it. */
  readonly failover: Failover
  /** A provider got no prompt, for where it is or what it shows of that. */
  readonly refused: PlaceRefused
  /** An answer was compared with that of another provider. The signed check is evidence that others can look at. */
  readonly spotCheck: FoundCheck
  /** A session has ended, well or not. */
  readonly end: SessionOutcome
}

export type ConsumerEventName = keyof ConsumerEvents

export function quoteEvent(
  session: string,
  { inputPrice, outputPrice }: Prices,
  taken: boolean,
): ConsumerEvents['quote'] {
  return { session, inputPrice, outputPrice, taken }
}

/** Tells listeners, each on its own: one that throws is reported like any uncaught error, and stops nobody. */
export class Listeners {
  readonly #listeners = new Map<ConsumerEventName, Set<(event: never) => void>>()

  /** @returns what to call to hear no more */
  on<Name extends ConsumerEventName>(
    name: Name,
    listener: (event: ConsumerEvents[Name]) => void,
  ): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<Name extends ConsumerEventName>(name: Name, event: ConsumerEvents[Name]): void {
    const listeners = this.#listeners.get(name)
    if (listeners === undefined) return
    for (const listener of listeners) {
      try {
        ;(listener as (event: ConsumerEvents[Name]) => void)(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
