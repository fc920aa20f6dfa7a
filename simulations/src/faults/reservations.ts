import { type PicoEuro, picoEuro } from '@hanse/protocol'

/** What running sessions may still spend under each authorization, on top of what receipts already say. */
export class Reservations {
  readonly #reserved = new Map<string, bigint>()

  under(authorization: string): PicoEuro {
    return picoEuro(this.#reserved.get(authorization) ?? 0n)
  }

  /** @returns how to give it back, once */
  reserve(authorization: string, amount: PicoEuro): () => void {
    this.#reserved.set(authorization, this.under(authorization) + amount)
    return () => this.#reserved.set(authorization, this.under(authorization) - amount)
  }
}
