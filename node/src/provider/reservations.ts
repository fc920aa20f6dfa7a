import { type PicoEuro, picoEuro } from '@hanse/protocol'

/** What running sessions may still spend under each authorization, on top of what receipts already say. */
export class Reservations {
  readonly #reserved = new Map<string, bigint>()

  under(authorization: string): PicoEuro {
    return picoEuro(this.#reserved.get(authorization) ?? 0n)
  }

  /** Reserves `amount`. @returns how to release it, once */
  reserve(authorization: string, amount: PicoEuro): () => void {
    this.#reserved.set(authorization, this.under(authorization) + amount)
    let held = true
    return () => {
      if (!held) return
      held = false
      const rest = this.under(authorization) - amount
      if (rest === 0n) this.#reserved.delete(authorization)
      else this.#reserved.set(authorization, rest)
    }
  }
}
