/**
 * Tags in the form of the specification's column: a JSON object. `team:web` is a key with a value; a tag without a value has
 * `true`, as the specification wants it of such tags. Values of one key are in one text, between commas.
 */
export function focusTags(tags: readonly string[]): string {
  const values = new Map<string, Set<string>>()
  for (const tag of tags) {
    const end = tag.indexOf(':')
    const hasValue = end > 0 && end < tag.length - 1
    const key = hasValue ? tag.slice(0, end) : tag
    const known = values.get(key) ?? new Set()
    if (hasValue) known.add(tag.slice(end + 1))
    values.set(key, known)
  }
  const entries = [...values].map(([key, of]) => [
    key,
    of.size === 0 ? true : [...of].sort().join(','),
  ])
  return JSON.stringify(Object.fromEntries(entries.toSorted(byKey)))
}

const byKey = ([a]: (string | boolean)[], [b]: (string | boolean)[]): number =>
  String(a) < String(b) ? -1 : 1
