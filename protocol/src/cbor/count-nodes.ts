import { MAJOR } from './heads.ts'

/**
 * Whether there are more than `nodesMax` nodes in `bytes`: numbers, texts (keys among them), byte strings, lists, maps, tags.
 * It makes none of them, so that a body of a million empty maps costs a walk over its bytes and no memory.
 *
 * It stops where the bytes are no CBOR of known lengths: no decoder of ours reads beyond that either.
 */
export function hasMoreNodes(bytes: Uint8Array, nodesMax: number): boolean {
  // None is shorter than a byte.
  if (bytes.byteLength <= nodesMax) return false
  let at = 0
  for (let nodes = 1; at < bytes.byteLength; nodes++) {
    if (nodes > nodesMax) return true
    at = behindNode(bytes, at)
  }
  return false
}

/** Behind a head and the bytes or text of it; what is in a list, a map or a tag comes next. */
function behindNode(bytes: Uint8Array, at: number): number {
  const head = bytes[at] ?? 0
  const [major, info] = [head & 0xe0, head & 0x1f]
  if (info > 27) return bytes.byteLength
  const length = info < 24 ? 0 : 1 << (info - 24)
  const behindHead = at + 1 + length
  if (major !== MAJOR.bytes && major !== MAJOR.text) return behindHead
  if (info < 24) return behindHead + info
  let argument = 0
  for (let i = at + 1; i < behindHead; i++) argument = argument * 256 + (bytes[i] ?? 0)
  return behindHead + argument
}
