/** What is to happen at a point of virtual time. */
export interface Scheduled {
  /** Virtual milliseconds. */
  readonly at: number
  /** Order of scheduling: what was scheduled first happens first among equals. */
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

/** A binary heap, earliest first; ties are broken by the order of scheduling, so a run can be repeated exactly. */
export class EventQueue {
  readonly #heap: Scheduled[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  push(at: number, run: () => void): Scheduled {
    const scheduled: Scheduled = { at, order: this.#order++, run, cancelled: false }
    const heap = this.#heap
    let i = heap.length
    heap.push(scheduled)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent] as Scheduled
      if (!isBefore(scheduled, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = scheduled
    return scheduled
  }

  /** The earliest event that was not cancelled; removes it. */
  pop(): Scheduled | undefined {
    for (;;) {
      const first = this.#take()
      if (first === undefined || !first.cancelled) return first
    }
  }

  #take(): Scheduled | undefined {
    const heap = this.#heap
    const first = heap[0]
    const moved = heap.pop()
    if (first === undefined || moved === undefined || heap.length === 0) return first
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      if (left >= heap.length) break
      const right = left + 1
      const smaller =
        right < heap.length && isBefore(heap[right] as Scheduled, heap[left] as Scheduled)
          ? right
          : left
      const child = heap[smaller] as Scheduled
      if (!isBefore(child, moved)) break
      heap[i] = child
      i = smaller
    }
    heap[i] = moved
    return first
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
