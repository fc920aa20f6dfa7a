import type { KadRules } from './kad-rules.ts'

/** One of the disjoint paths of a lookup: whom it will ask, nearest first, and the nearest that have answered. */
export class LookupPath {
  readonly #size: number
  /** Nearest last. */
  readonly #queued: number[] = []
  readonly #queuedAt: number[] = []
  readonly closest: number[] = []
  readonly #closestAt: number[] = []
  running = 0

  constructor({ bucketSize }: KadRules) {
    this.#size = bucketSize
  }

  queue(peer: number, distance: number): void {
    let i = this.#queued.length
    while (i > 0 && (this.#queuedAt[i - 1] as number) < distance) i--
    this.#queued.splice(i, 0, peer)
    this.#queuedAt.splice(i, 0, distance)
  }

  /** Whom to ask next, or -1; those that are too far by now are skipped. */
  next(): number {
    for (;;) {
      const peer = this.#queued.pop()
      const distance = this.#queuedAt.pop()
      if (peer === undefined || distance === undefined) return -1
      if (this.canAdd(distance)) return peer
    }
  }

  /** Whether a peer at this distance would be among the nearest that have answered. */
  canAdd(distance: number): boolean {
    return (
      this.closest.length < this.#size || distance < (this.#closestAt[this.#size - 1] as number)
    )
  }

  respond(peer: number, distance: number): void {
    if (!this.canAdd(distance)) return
    let i = this.closest.length
    while (i > 0 && (this.#closestAt[i - 1] as number) > distance) i--
    this.closest.splice(i, 0, peer)
    this.#closestAt.splice(i, 0, distance)
    if (this.closest.length > this.#size) {
      this.closest.pop()
      this.#closestAt.pop()
    }
  }
}
