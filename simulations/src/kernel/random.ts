/**
 * A seeded generator of pseudo-random numbers: sfc32 (Doty-Humphrey's small fast chaotic generator, 128 bits of state).
 * Streams are forked by name and depend on their name and the seed alone, so a draw that is added in one place does not
 * shift the draws of another.
 */
export class Random {
  readonly #name: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(name: string) {
    this.#name = name
    this.#a = hash32(name, 0x9e3779b9)
    this.#b = hash32(name, 0x85ebca6b)
    this.#c = hash32(name, 0xc2b2ae35)
    for (let i = 0; i < 12; i++) this.next()
  }

  fork(name: string | number): Random {
    return new Random(`${this.#name}/${name}`)
  }

  /** 32 bits. */
  next(): number {
    const mixed = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + mixed) | 0
    return mixed >>> 0
  }

  /** In [0, 1). */
  float(): number {
    return this.next() / 2 ** 32
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.float() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  /** One of the given values. @throws {RangeError} when there is none */
  pick<Value>(values: readonly Value[]): Value {
    if (values.length === 0) throw new RangeError('nothing to pick from')
    return values[this.between(0, values.length - 1)] as Value
  }

  /** Exponentially distributed, with the given mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.float())
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.next() & 0xff)
  }
}

/** FNV-1a over UTF-16 units, then the finalizer of MurmurHash3. */
export function hash32(text: string, seed: number): number {
  let hash = seed | 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
