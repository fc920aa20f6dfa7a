/** Whole numbers by time, earliest first; what was pushed first comes first among equals. Grows as needed, forgets nothing. */
export class TimeHeap {
  #times = new Float64Array(256)
  #orders = new Float64Array(256)
  #values = new Float64Array(256)
  #size = 0
  #order = 0
  /** Of the event that `pop` gave last. */
  time = 0

  get size(): number {
    return this.#size
  }

  clear(): void {
    this.#size = 0
  }

  push(time: number, value: number): void {
    if (this.#size === this.#times.length) this.#grow()
    let i = this.#size++
    const order = this.#order++
    while (i > 0) {
      const parent = (i - 1) >> 1
      if ((this.#times[parent] as number) <= time) break
      this.#move(parent, i)
      i = parent
    }
    this.#set(i, time, order, value)
  }

  /** The earliest value, or -1; `time` then says when it is due. */
  pop(): number {
    if (this.#size === 0) return -1
    const value = this.#values[0] as number
    this.time = this.#times[0] as number
    const last = --this.#size
    const time = this.#times[last] as number
    const order = this.#orders[last] as number
    const moved = this.#values[last] as number
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= last) break
      if (child + 1 < last && this.#isBefore(child + 1, child)) child++
      const at = this.#times[child] as number
      if (at > time || (at === time && (this.#orders[child] as number) > order)) break
      this.#move(child, i)
      i = child
    }
    this.#set(i, time, order, moved)
    return value
  }

  #isBefore(a: number, b: number): boolean {
    const one = this.#times[a] as number
    const other = this.#times[b] as number
    return (
      one < other || (one === other && (this.#orders[a] as number) < (this.#orders[b] as number))
    )
  }

  #move(from: number, to: number): void {
    this.#set(
      to,
      this.#times[from] as number,
      this.#orders[from] as number,
      this.#values[from] as number,
    )
  }

  #set(i: number, time: number, order: number, value: number): void {
    this.#times[i] = time
    this.#orders[i] = order
    this.#values[i] = value
  }

  #grow(): void {
    const grown = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const next = new Float64Array(old.length * 2)
      next.set(old)
      return next
    }
    this.#times = grown(this.#times)
    this.#orders = grown(this.#orders)
    this.#values = grown(this.#values)
  }
}
