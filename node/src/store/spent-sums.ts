import { type PicoEuro, picoEuro } from '@hanse/protocol'

/** More than a node has sessions under at a time; each takes some 200 bytes. */
const SUMS_MAX = 10_000

interface Sum {
  amount: bigint
  /** Of sessions that go on, what their last receipts said. */
  readonly open: Map<string, bigint>
}

/** What the sessions under each authorization have come to: added up once, and kept while receipts are added. */
export class SpentSums {
  readonly #sums = new Map<string, Sum>()
  /** The authorization of each session that goes on, if it has one. */
  readonly #sessions = new Map<string, string | null>()

  begin(session: string, authorization: string | null): void {
    this.#sessions.set(session, authorization)
  }

  /** The last receipt of a session says this much, all in all. */
  add(session: string, amount: bigint): void {
    const authorization = this.#sessions.get(session)
    // Of a session that began in another life of this program: never while it runs.
    if (authorization === undefined) this.clear()
    const sum = this.#sums.get(authorization ?? '')
    if (sum === undefined) return
    sum.amount += amount - (sum.open.get(session) ?? 0n)
    sum.open.set(session, amount)
  }

  end(session: string): void {
    const authorization = this.#sessions.get(session)
    this.#sessions.delete(session)
    this.#sums.get(authorization ?? '')?.open.delete(session)
  }

  /** @param load what the receipts say, by session: asked for once */
  under(authorization: string, load: () => (readonly [string, bigint])[]): PicoEuro {
    let sum = this.#sums.get(authorization)
    if (sum === undefined) {
      const loaded = load()
      sum = {
        amount: loaded.reduce((all, [, amount]) => all + amount, 0n),
        open: new Map(loaded.filter(([session]) => this.#sessions.has(session))),
      }
      if (this.#sums.size >= SUMS_MAX) this.#sums.clear()
      this.#sums.set(authorization, sum)
    }
    return picoEuro(sum.amount)
  }

  /** What was added may not have been kept: it is added up anew. */
  clear(): void {
    this.#sums.clear()
  }
}
