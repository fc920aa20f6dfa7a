import type { DialResult } from './dial-back-messages.ts'

/** How other nodes reach this one. */
export type Reachability = 'direct' | 'relayed' | 'unreachable' | 'unknown'

/** What one peer said. */
export interface PeerReport {
  readonly peerId: string
  /** Where it sees this node; `undefined` when it gave no answer. */
  readonly observed: string | undefined
  /** What to add to this clock to have the peer's, milliseconds. */
  readonly clockOffsetMs: number | undefined
  readonly results: readonly DialResult[]
  /** Why there was no answer. */
  readonly fault: string | undefined
}

/** What peers that were asked to dial this node say. */
export interface ReachabilityReport {
  readonly reachability: Reachability
  /** The addresses that they were asked to dial. */
  readonly addresses: readonly string[]
  readonly peers: readonly PeerReport[]
  /** The median over the peers: positive when this clock is behind theirs. `undefined` when nobody answered. */
  readonly clockOffsetMs: number | undefined
}

/** The rule behind the word. Nobody asked means that nothing is known, unless a relay holds a place anyway. */
export function reachabilityOf(
  peers: readonly Pick<PeerReport, 'results'>[],
  addresses: readonly string[],
): Reachability {
  const results = peers.flatMap(({ results }) => results)
  const isRelayed = (address: string): boolean => address.includes('/p2p-circuit')
  if (results.some(({ ok, address }) => ok && !isRelayed(address))) return 'direct'
  if (addresses.some(isRelayed)) return 'relayed'
  // A peer that would not dial has said nothing about the address.
  const tried = results.some(({ fault }) => fault !== 'rate-limited' && fault !== 'malformed')
  const hasNone = addresses.length === 0
  return tried || hasNone ? 'unreachable' : 'unknown'
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle]
  if (upper === undefined || sorted.length % 2 === 1) return upper
  return Math.round(((sorted[middle - 1] ?? upper) + upper) / 2)
}
