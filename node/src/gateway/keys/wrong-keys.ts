import { isIPv6 } from 'node:net'
import { Bucket } from './rate-limit.ts'

/** Enough for a program that was given an old key; a guess every other second finds nothing. */
const PER_MINUTE = 30
/** A few hundred bytes each. */
const ADDRESSES_MAX = 4_096

/** Slows down whoever tries keys that are none, by address. */
export class WrongKeys {
  readonly #tries = new Map<string, Bucket>()

  /** @returns ms until the next try; 0 when it may be now */
  wait(address: string, now: number): number {
    return this.#tries.get(blockOf(address))?.wait(1, now) ?? 0
  }

  count(address: string, now: number): void {
    const block = blockOf(address)
    const bucket = this.#tries.get(block) ?? new Bucket(PER_MINUTE, now)
    bucket.take(1, now)
    // Last in the order of the map: whoever was wrong least lately is forgotten first.
    this.#tries.delete(block)
    this.#tries.set(block, bucket)
    const [first] = this.#tries.keys()
    if (this.#tries.size > ADDRESSES_MAX && first !== undefined) this.#tries.delete(first)
  }
}

/** A household or a server has a /64 of IPv6 for itself. */
function blockOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - rest.length
  return [...groups, ...Array.from({ length: missing }, () => '0'), ...rest].slice(0, 4).join(':')
}
