import { unbase32 } from './base.ts'
import { unhex } from './bytes.ts'
import type { Value } from './cbor.ts'
import { Link } from './cid.ts'

/** A value from the form that test/vectors/README.md describes. */
export function untagged(json: unknown): Value {
  if (typeof json === 'number') return BigInt(json)
  if (typeof json === 'string' || typeof json === 'boolean' || json === null) return json
  if (Array.isArray(json)) return json.map(untagged)
  const { hex, link, int } = json as Record<string, unknown>
  if (typeof hex === 'string') return unhex(hex)
  if (typeof link === 'string') return new Link(unbase32(link.slice(1)))
  if (typeof int === 'string') return BigInt(int)
  return new Map(Object.entries(json as object).map(([key, item]) => [key, untagged(item)]))
}

/** Bytes that differ from others in one place. */
export function changed(
  base: string,
  { from, to, put }: { readonly from: number; readonly to: number; readonly put: string },
): Uint8Array {
  return unhex(base.slice(0, 2 * from) + put + base.slice(2 * to))
}
