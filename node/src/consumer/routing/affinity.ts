import { cidOf, concat } from '@hanse/protocol'

/** Conversations that are remembered; each takes about 200 bytes. */
const CONVERSATIONS_MAX = 10_000

/**
 * Which provider served a conversation last: it has read its beginning already. Conversations are known by a salted hash
 * that is in memory only, so that what was asked cannot be found out from it later.
 */
export class Affinity {
  readonly #salt: Uint8Array
  readonly #keepMs: number
  readonly #served = new Map<string, { readonly provider: string; readonly at: number }>()

  /** @param keepMs how long caches of prefixes are trusted to last; 0 remembers nothing */
  constructor(salt: Uint8Array, keepMs: number) {
    this.#salt = salt
    this.#keepMs = keepMs
  }

  /** @param named what the client calls the conversation; what it begins with counts otherwise */
  keyOf(model: string, named: string | undefined, beginning: string | undefined) {
    if (this.#keepMs === 0 || (named === undefined && beginning === undefined)) return undefined
    const kind = named === undefined ? 'begins' : 'named'
    const text = new TextEncoder().encode(`${kind}\n${model}\n${named ?? beginning}`)
    return cidOf(concat([this.#salt, text])).toString()
  }

  served(key: string, provider: string, now: number): void {
    this.#served.delete(key)
    this.#served.set(key, { provider, at: now })
    const [oldest] = this.#served.keys()
    if (this.#served.size > CONVERSATIONS_MAX && oldest !== undefined) this.#served.delete(oldest)
  }

  /** Who served it last, within the time that caches last. */
  lastOf(key: string, now: number): string | undefined {
    const last = this.#served.get(key)
    return last !== undefined && now - last.at <= this.#keepMs ? last.provider : undefined
  }
}
