import { DIVERGENCE_MAX } from '@hanse/protocol'

/** How far two texts differ. */
export interface Comparison {
  /** Of the longer text, in UTF-8. */
  readonly bytes: bigint
  /** That agree, from the beginning. */
  readonly agreed: bigint
  /** 0 for the same text, up to `DIVERGENCE_MAX` for two that have nothing in common. */
  readonly divergence: number
}

/**
 * Compares two answers. What agrees from the beginning counts in full. Behind the first difference, greedy answers of honest
 * engines may part for good, because their arithmetic rounds differently where two tokens are nearly as likely: so what
 * follows counts by how many of its runs of three words are the same (Dice's coefficient).
 */
export function compareTexts(one: string, other: string): Comparison {
  const encoder = new TextEncoder()
  const [a, b] = [encoder.encode(one), encoder.encode(other)]
  const longer = Math.max(a.byteLength, b.byteLength)
  const agreed = commonPrefix(a, b)
  const facts = { bytes: BigInt(longer), agreed: BigInt(agreed) }
  if (agreed === longer) return { ...facts, divergence: 0 }
  const chars = commonPrefixLength(one, other)
  const rest = longer - agreed
  const alike = dice(runsOf(one.slice(chars)), runsOf(other.slice(chars)))
  const divergence = Math.round((DIVERGENCE_MAX * rest * (1 - alike)) / longer)
  // They are not the same, however little that is.
  return { ...facts, divergence: Math.min(DIVERGENCE_MAX, Math.max(1, divergence)) }
}

function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.byteLength, b.byteLength)
  let at = 0
  while (at < most && a[at] === b[at]) at++
  return at
}

function commonPrefixLength(one: string, other: string): number {
  const most = Math.min(one.length, other.length)
  let at = 0
  while (at < most && one.charCodeAt(at) === other.charCodeAt(at)) at++
  return at
}

const RUN_WORDS = 3

/** How often each run of three words comes; a text of fewer words is one run. */
function runsOf(text: string): ReadonlyMap<string, number> {
  const words = text.split(/\s+/u).filter((word) => word !== '')
  const runs = new Map<string, number>()
  const last = Math.max(1, words.length - RUN_WORDS + 1)
  for (let at = 0; at < last && words.length > 0; at++) {
    const run = words.slice(at, at + RUN_WORDS).join(' ')
    runs.set(run, (runs.get(run) ?? 0) + 1)
  }
  return runs
}

function dice(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): number {
  const total = sumOf(one) + sumOf(other)
  if (total === 0) return 0
  let shared = 0
  for (const [run, count] of one) shared += Math.min(count, other.get(run) ?? 0)
  return (2 * shared) / total
}

function sumOf(runs: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const count of runs.values()) sum += count
  return sum
}
