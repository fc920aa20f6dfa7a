/** What a request waits for: its items, in their order, with what became of them so far. */
interface Request<Item, Booking> {
  readonly items: readonly Item[]
  /** How many of the items went into a posting. */
  taken: number
  readonly bookings: Booking[]
  readonly resolve: (bookings: Booking[]) => void
  readonly reject: (error: unknown) => void
}

interface Part<Item, Booking> {
  readonly request: Request<Item, Booking>
  readonly items: readonly Item[]
}

export interface GroupBookingOptions<Item> {
  /** Of one posting, in the unit of `weigh`. */
  readonly weightMax: number
  readonly weigh: (item: Item) => number
}

/**
 * Posts what several requests wait with together, while a posting is under way: a commit costs the same for one item as
 * for a thousand. Items are posted in the order in which they came, and each request gets its own results.
 */
export class GroupBooking<Item, Booking> {
  readonly #post: (items: readonly Item[]) => Promise<readonly Booking[]>
  readonly #options: GroupBookingOptions<Item>
  readonly #waiting: Request<Item, Booking>[] = []
  #running = false

  constructor(
    post: (items: readonly Item[]) => Promise<readonly Booking[]>,
    options: GroupBookingOptions<Item>,
  ) {
    this.#post = post
    this.#options = options
  }

  /** @returns in the order of the items; rejects with what `post` throws for these items by themselves */
  book(items: readonly Item[]): Promise<Booking[]> {
    return new Promise((resolve, reject) => {
      if (items.length === 0) {
        resolve([])
        return
      }
      this.#waiting.push({ items, taken: 0, bookings: [], resolve, reject })
      void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    if (this.#running) return
    this.#running = true
    while (this.#waiting.length > 0) await this.#postAll(this.#nextParts())
    this.#running = false
  }

  /** As much as one posting may hold, and at least one item. */
  #nextParts(): Part<Item, Booking>[] {
    const parts: Part<Item, Booking>[] = []
    let room = this.#options.weightMax
    while (room > 0) {
      const request = this.#waiting[0]
      if (request === undefined) break
      const from = request.taken
      while (request.taken < request.items.length) {
        const weight = this.#options.weigh(request.items[request.taken] as Item)
        if (weight > room && (parts.length > 0 || request.taken > from)) {
          room = 0
          break
        }
        room -= weight
        request.taken++
      }
      if (request.taken > from)
        parts.push({ request, items: request.items.slice(from, request.taken) })
      if (request.taken === request.items.length) this.#waiting.shift()
    }
    return parts
  }

  async #postAll(parts: readonly Part<Item, Booking>[]): Promise<void> {
    try {
      const bookings = await this.#post(parts.flatMap(({ items }) => items))
      let at = 0
      for (const part of parts) {
        this.#done(part, bookings.slice(at, at + part.items.length))
        at += part.items.length
      }
    } catch (error) {
      const [only] = parts
      if (parts.length === 1 && only !== undefined) this.#failed(only, error)
      // One request's fault is not its neighbours': each by itself.
      else for (const part of parts) await this.#postAll([part])
    }
  }

  #done({ request }: Part<Item, Booking>, bookings: readonly Booking[]): void {
    for (const booking of bookings) request.bookings.push(booking)
    if (request.bookings.length === request.items.length) request.resolve(request.bookings)
  }

  /** What it had booked before stays booked: sent again, it is a duplicate. */
  #failed({ request }: Part<Item, Booking>, error: unknown): void {
    const at = this.#waiting.indexOf(request)
    if (at !== -1) this.#waiting.splice(at, 1)
    request.reject(error)
  }
}
