/** What is drawn of one day: amounts by the name of their part, pico-euro. */
export type DayParts = { readonly day: string; readonly parts: ReadonlyMap<string, bigint> }

export type Series = { readonly key: string; readonly name: string; readonly color: string }

/** Parts with a colour of their own; the eye tells no more apart. */
const ownMax = 5
/** The key of all the rest; nothing is named so. An empty key is a part like the others: what has no team, say. */
export const othersKey = '\u0000others'

/** The parts by their size, the largest first, and one for all that are left. */
export function seriesOf(days: readonly DayParts[], others: string): Series[] {
  const sums = new Map<string, bigint>()
  for (const { parts } of days)
    for (const [name, amount] of parts) sums.set(name, (sums.get(name) ?? 0n) + amount)
  const names = [...sums].toSorted((a, b) => (a[1] === b[1] ? 0 : a[1] < b[1] ? 1 : -1))
  const own = names
    .slice(0, ownMax)
    .map(([name], at) => ({ key: name, name, color: `var(--series-${at + 1})` }))
  if (names.length <= ownMax) return own
  return [...own, { key: othersKey, name: others, color: 'var(--series-6)' }]
}

/** What a series has of a day. */
export function amountOf({ parts }: DayParts, { key }: Series, all: readonly Series[]): bigint {
  if (key !== othersKey) return parts.get(key) ?? 0n
  const own = new Set(all.map((one) => one.key))
  return [...parts].reduce((sum, [name, amount]) => (own.has(name) ? sum : sum + amount), 0n)
}

export const totalOf = ({ parts }: DayParts): bigint =>
  [...parts.values()].reduce((sum, amount) => sum + amount, 0n)

/** For drawing alone: a pixel is coarser than a double. */
export const euroNumber = (amount: bigint): number => Number(amount / 1_000_000n) / 1e6
