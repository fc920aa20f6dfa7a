import { hash32 } from './random.ts'

/** What happened, in order: the last lines are kept, and a hash of all of them tells two runs apart. */
export class Trace {
  readonly #lines: string[] = []
  readonly #capacity: number
  #count = 0
  #low = 1
  #high = 2

  constructor(capacity = 400) {
    this.#capacity = capacity
  }

  add(line: string): void {
    this.#lines[this.#count++ % this.#capacity] = line
    this.#low = hash32(line, this.#low)
    this.#high = hash32(line, this.#high)
  }

  /** Sixteen hexadecimal digits. */
  get hash(): string {
    return [this.#high, this.#low].map((half) => half.toString(16).padStart(8, '0')).join('')
  }

  get length(): number {
    return this.#count
  }

  /** The newest lines that are kept, oldest first. */
  tail(lines: number): string[] {
    const count = Math.min(lines, this.#capacity, this.#count)
    return Array.from(
      { length: count },
      (_, i) => this.#lines[(this.#count - count + i) % this.#capacity] as string,
    )
  }
}
