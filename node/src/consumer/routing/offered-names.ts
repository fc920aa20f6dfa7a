/** How long it is believed that nobody offers a name, ms: asking takes a DHT look-up. */
const ABSENT_MS = 60_000
/** Clients choose these names. */
const NAMES_MAX = 1_000

/** Whether an offer has just this name; that nobody does is remembered for a while. */
export class OfferedNames {
  readonly #find: (name: string) => Promise<readonly unknown[]>
  readonly #now: () => number
  readonly #absent = new Map<string, number>()

  constructor(find: (name: string) => Promise<readonly unknown[]>, now: () => number) {
    this.#find = find
    this.#now = now
  }

  async has(name: string): Promise<boolean> {
    if (this.#now() < (this.#absent.get(name) ?? 0)) return false
    const found = await this.#find(name)
    if (found.length > 0) return true
    if (this.#absent.size >= NAMES_MAX) this.#absent.clear()
    this.#absent.set(name, this.#now() + ABSENT_MS)
    return false
  }
}
