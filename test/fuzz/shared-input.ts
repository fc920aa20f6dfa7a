/** Of one input that another thread can still read when the one that works on it does not answer any more. */
export const INPUT_BYTES_MAX = 1 << 20

/** Number of inputs begun, whether one is being worked on, its length. */
const HEAD_INTS = 3
const [COUNT, BUSY, LENGTH] = [0, 1, 2] as const

/** The input that a worker is at, in memory that both threads see. */
export class SharedInput {
  readonly #head: Int32Array
  readonly #bytes: Uint8Array

  constructor(shared: SharedArrayBuffer) {
    this.#head = new Int32Array(shared, 0, HEAD_INTS)
    this.#bytes = new Uint8Array(shared, HEAD_INTS * Int32Array.BYTES_PER_ELEMENT)
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(HEAD_INTS * Int32Array.BYTES_PER_ELEMENT + INPUT_BYTES_MAX)
  }

  begin(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, INPUT_BYTES_MAX)
    this.#bytes.set(kept)
    this.#head[LENGTH] = kept.byteLength
    Atomics.add(this.#head, COUNT, 1)
    Atomics.store(this.#head, BUSY, 1)
  }

  end(): void {
    Atomics.store(this.#head, BUSY, 0)
  }

  /** Inputs begun, and whether the last one is still being worked on. */
  progress(): { readonly count: number; readonly isBusy: boolean } {
    return {
      count: Atomics.load(this.#head, COUNT),
      isBusy: Atomics.load(this.#head, BUSY) === 1,
    }
  }

  hex(): string {
    return Buffer.from(this.#bytes.slice(0, this.#head[LENGTH])).toString('hex')
  }
}
