import type { PeerId } from '@hanse/protocol'

/** What a check says of a provider. */
export type Standing =
  /** It answers as others do. */
  | 'confirmed'
  /** It differs from one other, and nobody knows which of them is right. */
  | 'doubtful'
  /** It differs from two others, which agree with each other. */
  | 'refuted'

/** How much a comparison speaks against a provider. Of two that differ, one is innocent. */
export const DOUBTS: Readonly<Record<Standing, number>> = {
  confirmed: 0,
  doubtful: 0.5,
  refuted: 1,
}

/** Two answers to the same request, compared. */
export interface Pair {
  readonly first: PeerId
  readonly second: PeerId
  readonly differ: boolean
}

/** What pairs of two or three providers say of each of them. */
export function standings(pairs: readonly Pair[]): ReadonlyMap<PeerId, Standing> {
  const providers = [...new Set(pairs.flatMap(({ first, second }) => [first, second]))]
  return new Map(
    providers.map((provider) => {
      const own = pairs.filter(({ first, second }) => first === provider || second === provider)
      if (own.some(({ differ }) => !differ)) return [provider, 'confirmed']
      const others = pairs.filter((pair) => !own.includes(pair))
      const isOutvoted = others.some(({ differ }) => !differ)
      return [provider, isOutvoted ? 'refuted' : 'doubtful']
    }),
  )
}
