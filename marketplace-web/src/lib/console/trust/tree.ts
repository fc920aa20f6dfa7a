/** Entries of the log that one node of its tree stands for: from `from` on, up to and without `until`. */
export type Node = { readonly from: bigint; readonly until: bigint }

export const rootOf = (size: bigint): Node | undefined =>
  size === 0n ? undefined : { from: 0n, until: size }

/** As RFC 6962 splits: the left one has the largest power of two that is less than all. Of an entry there are none. */
export function childrenOf({ from, until }: Node): Node[] {
  const count = until - from
  if (count <= 1n) return []
  let left = 1n
  while (left * 2n < count) left *= 2n
  return [
    { from, until: from + left },
    { from: from + left, until },
  ]
}
