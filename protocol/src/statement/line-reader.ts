import { CID } from 'multiformats/cid'
import { Digest } from 'multiformats/hashes/digest'
import { HanseError } from '../errors.ts'

/** `d8 2a` tag 42, `58 25` 37 bytes, `00` the prefix of a link. */
const LINK_HEAD = [0xd8, 0x2a, 0x58, 0x25, 0x00] as const
const DAG_CBOR = 0x71
const SHA2_256 = 0x12
/** CIDv1, dag-cbor, sha2-256 of 32 bytes. */
const CID_HEAD = [1, DAG_CBOR, SHA2_256, 32] as const
const CID_BYTES = CID_HEAD.length + 32
/** What counters and amounts hold: below 2⁶³. */
const COUNTER_END = 2n ** 63n

/** Reads the few shapes of DAG-CBOR (RFC 8949) that a line has, in their shortest form only. */
export class LineReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The head of a list of `length` items, fewer than 24. */
  listOf(length: number): void {
    if (this.#byte() !== 0x80 + length) this.#refuse(`not a list of ${length}`)
  }

  /** A link to a record; its bytes are a view on the line's, where the library's own decoder copies them thrice. */
  link(): CID {
    for (const byte of LINK_HEAD)
      if (this.#byte() !== byte) this.#refuse('something else for a link')
    const bytes = this.#take(CID_BYTES)
    for (let i = 0; i < CID_HEAD.length; i++) {
      if (bytes[i] !== CID_HEAD[i]) this.#refuse('a link to something that is no record')
    }
    const digest = new Digest(SHA2_256, 32, bytes.subarray(CID_HEAD.length), bytes.subarray(2))
    return new CID(1, DAG_CBOR, digest, bytes)
  }

  counter(): bigint {
    const value = this.#head(0)
    if (value >= COUNTER_END) this.#refuse('a counter out of range')
    return BigInt(value)
  }

  /** Printable ASCII: all that names of models and reasons are made of. */
  text(bytesMax: number): string {
    const length = this.#head(3)
    if (length > bytesMax) this.#refuse('a text that is too long')
    const bytes = this.#take(Number(length))
    for (let i = 0; i < bytes.byteLength; i++) {
      const byte = bytes[i] ?? 0
      if (byte < 0x20 || byte > 0x7e) this.#refuse('a text that is not ASCII')
    }
    return String.fromCharCode(...bytes)
  }

  end(): void {
    if (this.#at !== this.#bytes.byteLength) this.#refuse('something after it')
  }

  /** The number in an item's head, when it is of this major type and has no shorter form. */
  #head(major: number): number | bigint {
    const first = this.#byte()
    if (first >> 5 !== major) this.#refuse('an item of another type')
    const info = first & 0x1f
    if (info < 24) return info
    if (info === 24) return this.#shortest(this.#byte(), 24)
    if (info === 25) return this.#shortest(this.#byte() * 256 + this.#byte(), 256)
    if (info === 26) return this.#shortest(this.#uint32(), 65_536)
    if (info !== 27) this.#refuse('a length without end')
    const high = this.#uint32()
    const low = this.#uint32()
    if (high === 0) this.#refuse('a number that is not in its shortest form')
    return high < 0x20_0000 ? high * 2 ** 32 + low : (BigInt(high) << 32n) + BigInt(low)
  }

  #shortest(value: number, least: number): number {
    if (value < least) this.#refuse('a number that is not in its shortest form')
    return value
  }

  #uint32(): number {
    return ((this.#byte() * 256 + this.#byte()) * 256 + this.#byte()) * 256 + this.#byte()
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) this.#refuse('an end too early')
    this.#at++
    return byte
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.byteLength) this.#refuse('an end too early')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  #refuse(what: string): never {
    throw new HanseError('HANSE_STATEMENT_LINE', `a line of a statement has ${what}`)
  }
}
