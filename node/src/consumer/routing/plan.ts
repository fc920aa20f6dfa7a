import type { KnownOffer } from '@hanse/protocol'
import type { Scored } from './score.ts'

/** Why a provider is asked first. */
export type Choice = 'best' | 'ordered' | 'affinity' | 'explored' | 'last-resort'

/** Whom a request is offered to, one after the other. */
export class Plan<Known extends KnownOffer> {
  /** Why the first one is the first. */
  readonly choice: Choice
  /** Best first. */
  readonly ranked: readonly Scored<Known>[]
  readonly #waiting: Scored<Known>[]
  readonly #admits: (provider: string) => boolean
  #left: number

  /**
   * @param most that are asked
   * @param admits whether a provider may still be asked; it is looked up just before
   */
  constructor(
    ranked: readonly Scored<Known>[],
    choice: Choice,
    most: number,
    admits: (provider: string) => boolean,
  ) {
    this.ranked = ranked
    this.choice = choice
    this.#waiting = [...ranked]
    this.#left = most
    this.#admits = admits
  }

  get hasNext(): boolean {
    return this.#left > 0 && this.#waiting.some(({ known }) => this.#admits(known.offer.provider))
  }

  next(): Scored<Known> | undefined {
    if (this.#left === 0) return undefined
    const at = this.#waiting.findIndex(({ known }) => this.#admits(known.offer.provider))
    if (at < 0) return undefined
    this.#left--
    // Those that were passed over have failed others meanwhile.
    return this.#waiting.splice(0, at + 1).at(-1)
  }

  /** The prompt did not fit: only a longer context is worth asking. */
  needsMoreThan(contextLength: number): void {
    const longer = this.#waiting.filter(({ model }) => model.contextLength > contextLength)
    this.#waiting.splice(0, this.#waiting.length, ...longer)
  }
}
