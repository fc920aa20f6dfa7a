/**
 * Providers that one peer's answer may bring while others answer, too. Whoever is asked can name any number, and they need not
 * exist: without a bound one liar in ten on the way fills what a consumer looks at. An eighth of that leaves room for the
 * others, and is enough for a market in which each of twenty holders names the same few.
 */
export const NAMED_BY_ONE_MAX = 8

export interface DrawOptions<Peer> {
  /** Peers that are wanted, of all answers together. */
  readonly limit: number
  readonly idOf: (peer: Peer) => string | number
  /** From 0 to below 1. */
  readonly random: () => number
}

interface Answer<Peer> {
  taken: number
  /** By lot, those that were not taken: as many as could be wanted of them. */
  readonly left: Peer[]
}

/**
 * Draws those to look at from what the peers that were asked have named: of each answer a few, by lot. Holders name first
 * whom they have known longest, and all the same, so that without the lot every consumer would look at the same few.
 */
export class ProviderDraw<Peer> {
  readonly #options: DrawOptions<Peer>
  readonly #taken = new Set<string | number>()
  readonly #answers: Answer<Peer>[] = []

  constructor(options: DrawOptions<Peer>) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#taken.size >= this.#options.limit
  }

  /** @param named in one answer; @returns those to look at now */
  add(named: readonly Peer[]): Peer[] {
    if (named.length === 0) return []
    const answer = { taken: 0, left: this.#lot(named.filter((peer) => !this.#has(peer))) }
    this.#answers.push(answer)
    return this.#take(answer, NAMED_BY_ONE_MAX)
  }

  /**
   * Once all were asked, what there is still room for, from each answer in turn: where few have answered, each may bring its
   * share of what is wanted.
   */
  rest(): Peer[] {
    const most = Math.ceil(this.#options.limit / Math.max(1, this.#answers.length))
    const found: Peer[] = []
    for (let share = NAMED_BY_ONE_MAX + 1; share <= most; share++)
      for (const answer of this.#answers) found.push(...this.#take(answer, share))
    return found
  }

  #has(peer: Peer): boolean {
    return this.#taken.has(this.#options.idOf(peer))
  }

  /** Takes from an answer until it has brought so many, or all are there that are wanted. */
  #take(answer: Answer<Peer>, share: number): Peer[] {
    const found: Peer[] = []
    while (answer.taken < share && !this.isFull) {
      const peer = answer.left.pop()
      if (peer === undefined) break
      if (this.#has(peer)) continue
      this.#taken.add(this.#options.idOf(peer))
      answer.taken++
      found.push(peer)
    }
    return found
  }

  /** As many as are wanted, in an order by chance. */
  #lot(peers: Peer[]): Peer[] {
    const { limit, random } = this.#options
    const count = Math.min(limit, peers.length)
    for (let i = 0; i < count; i++) {
      const other = i + Math.floor(random() * (peers.length - i))
      const held = peers[i] as Peer
      peers[i] = peers[other] as Peer
      peers[other] = held
    }
    return peers.slice(0, count)
  }
}
