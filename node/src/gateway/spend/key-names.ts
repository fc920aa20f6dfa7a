/** What tells keys apart for their owner. */
export interface NamedKey {
  readonly id: string
  readonly name: string
  readonly revokedAt: number | undefined
}

/** Names of keys by their ids. A revoked key whose name another one has, or had, is told apart by its id. */
export function keyNames(keys: readonly NamedKey[]): (id: string) => string {
  const holders = Map.groupBy(keys, ({ name }) => name)
  const names = new Map(
    keys.map(({ id, name, revokedAt }) => {
      const isShared = (holders.get(name)?.length ?? 0) > 1
      return [id, isShared && revokedAt !== undefined ? `${name} (${id})` : name]
    }),
  )
  // The owner, who has no key, is called by that id.
  return (id) => names.get(id) ?? id
}
