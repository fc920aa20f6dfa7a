import { toHex } from '@hanse/protocol/testing'

/** Bytes as a change of others: `base` up to `from`, then `put`, then `base` from `to` on. */
export interface Change {
  readonly from: number
  readonly to: number
  /** Hex. */
  readonly put: string
}

/** The shortest change that makes `bytes` of `base`. */
export function changeOf(base: Uint8Array, bytes: Uint8Array): Change {
  const shorter = Math.min(base.byteLength, bytes.byteLength)
  let from = 0
  while (from < shorter && base[from] === bytes[from]) from++
  let tail = 0
  while (tail < shorter - from && base.at(-1 - tail) === bytes.at(-1 - tail)) tail++
  return {
    from,
    to: base.byteLength - tail,
    put: toHex(bytes.subarray(from, bytes.byteLength - tail)),
  }
}
