import type { VaultTombstone } from '../backup/vault.ts'
import type { SettlementStore } from '../db/store.ts'
import { tombstoneOf } from './tombstone.ts'

/**
 * Erases again who was erased, wherever the database came from: before a service opens on it, nobody is back.
 *
 * @param tellsNodes nodes are asked again, since what they were asked may be lost as well
 * @returns how many the database still knew
 */
export async function replayErasures(
  store: SettlementStore,
  tombstones: readonly VaultTombstone[],
  tellsNodes: boolean,
): Promise<number> {
  const known = new Set((await store.tombstones()).map(({ tombstone }) => tombstone))
  const times = new Map(
    tombstones.filter((one) => !known.has(one.tombstone)).map((one) => [one.tombstone, one.at]),
  )
  if (times.size === 0) return 0
  let erased = 0
  for (const subject of await store.subjectsOf([...times.keys()])) {
    const at = times.get(tombstoneOf(subject)) ?? 0
    const order = { subject, at, givesUpBalance: true, isRepeated: true, tellsNodes }
    if ((await store.eraseData(order)).isNew) erased++
  }
  return erased
}
