/** As messages have it: amounts as digits, and `null` for what is not there. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === 'bigint') return item.toString()
    return item === undefined ? null : item
  })
}

/** As many items at a time as fit; one that does not fit at all comes alone. @param roomBytes for them as JSON */
export function* batchesOf<Item>(items: readonly Item[], roomBytes: number): Generator<Item[]> {
  let batch: Item[] = []
  let room = roomBytes
  for (const item of items) {
    const bytes = Buffer.byteLength(toJson(item)) + 1
    if (bytes > room && batch.length > 0) {
      yield batch
      batch = []
      room = roomBytes
    }
    batch.push(item)
    room -= bytes
  }
  if (batch.length > 0) yield batch
}
