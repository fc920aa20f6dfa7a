import type { FetchedOffer } from '@hanse/node/consumer'
import { getContext, setContext } from 'svelte'
import { type Fault, faultOf } from '#lib/network/fault.ts'
import { PageNode } from '#lib/network/page-node.svelte.ts'
import { type Row, rowsOf } from './rows.ts'

/** As often as the directory asks providers again. */
const refreshMs = 10_000
/** Until the first offer: the tables of a node that has just joined fill within seconds. */
const firstMs = 1_000
/** What a network of this size needs to tell of its providers; then "none" is an answer. */
const settleMs = 6_000

/** The offers of a network as this page finds them in its DHT, each from its provider alone. */
export class DhtMarket {
  readonly node = new PageNode()
  rows = $state.raw<readonly Row[]>([])
  offers = $state.raw<ReadonlyMap<string, FetchedOffer>>(new Map())
  /** When providers were asked last. */
  at = $state<number>()
  fault = $state.raw<Fault>()
  /** Looked for long enough to say that there is none. */
  isSettled = $state(false)
  #timer: ReturnType<typeof setTimeout> | undefined
  #joinedAt: number | undefined
  #running = false

  /** Joins, and looks while the page can be seen. @returns what ends it */
  start(): () => void {
    this.#running = true
    void this.node.open()
    const onVisibility = () => {
      if (!document.hidden) this.#plan(0)
    }
    document.addEventListener('visibilitychange', onVisibility)
    this.#plan(0)
    return () => {
      this.#running = false
      clearTimeout(this.#timer)
      document.removeEventListener('visibilitychange', onVisibility)
      void this.node.close()
    }
  }

  /** Joins once more, where that failed. */
  retry(): void {
    void this.node.open()
    this.#plan(0)
  }

  #plan(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#running && !document.hidden) this.#timer = setTimeout(() => void this.#look(), ms)
  }

  async #look(): Promise<void> {
    const { consumer, stage, module } = this.node
    if (consumer === undefined || stage !== 'joined') return this.#plan(firstMs / 4)
    this.#joinedAt ??= Date.now()
    try {
      const match = await consumer.offers()
      if (consumer !== this.node.consumer) return this.#plan(0)
      this.rows = rowsOf(match)
      this.offers = new Map(
        [...match.candidates, ...match.excluded].map(({ known }) => [known.offer.provider, known]),
      )
      this.at = Date.now()
      this.fault = undefined
    } catch (error) {
      this.fault = faultOf(error, module?.ERRORS)
    }
    this.isSettled = this.rows.length > 0 || Date.now() - this.#joinedAt > settleMs
    this.#plan(this.rows.length === 0 ? firstMs : refreshMs)
  }
}

const key = Symbol('market')
export const provideMarket = (market: DhtMarket): DhtMarket => setContext(key, market)
export const theMarket = (): DhtMarket => getContext<DhtMarket>(key)
