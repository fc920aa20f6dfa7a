/** How long it is believed that nobody offers a name, ms: asking takes a DHT look-up. */
const ABSENT_MS = 60_000
/** Clients choose these names. */
const NAMES_MAX = 1_000

/** Whether an offer has just this name. That nobody does is remembered, and looked at again while requests go on. */
export class OfferedNames {
  readonly #find: (name: string) => Promise<readonly unknown[]>
  readonly #now: () => number
  /** When to look again, ms. */
  readonly #absent = new Map<string, number>()

  constructor(find: (name: string) => Promise<readonly unknown[]>, now: () => number) {
    this.#find = find
    this.#now = now
  }

  async has(name: string): Promise<boolean> {
    const until = this.#absent.get(name)
    if (until === undefined) return await this.#look(name)
    if (this.#now() >= until) {
      this.#remember(name)
      // Nobody waits for it, so nobody hears that it failed either.
      this.#look(name).catch(() => undefined)
    }
    return false
  }

  async #look(name: string): Promise<boolean> {
    const found = await this.#find(name)
    if (found.length > 0) this.#absent.delete(name)
    else this.#remember(name)
    return found.length > 0
  }

  #remember(name: string): void {
    if (this.#absent.size >= NAMES_MAX) this.#absent.clear()
    this.#absent.set(name, this.#now() + ABSENT_MS)
  }
}
