import { formatEuro, HanseError, type PicoEuro, picoEuro } from '@hanse/protocol'
import type { Account, Reservation } from '../consumer/request.ts'

interface Hold {
  readonly most: PicoEuro
  /** What the receipts of its sessions came to so far. */
  readonly paid: Map<string, PicoEuro>
}

/** Short answers end this soon, and free what they hold. */
const RETRY_MS = 1_000

/**
 * What one consumer spends, by receipts, with a hard stop: what was spent and what running answers may still cost never pass
 * the limit together, whatever order requests begin and end in.
 */
export class Purse implements Account {
  readonly #limit: PicoEuro | undefined
  readonly #holds = new Set<Hold>()
  readonly #holdOf = new Map<string, Hold>()
  /** By sessions that have ended. */
  #settled = 0n

  constructor(limit: PicoEuro | undefined) {
    this.#limit = limit
  }

  /** By all receipts that both sides signed, running sessions' too. */
  get spent(): PicoEuro {
    let spent = this.#settled
    for (const { paid } of this.#holds) spent += sum(paid.values())
    return picoEuro(spent)
  }

  /** What no running answer may need; `undefined` without a limit. */
  get free(): PicoEuro | undefined {
    if (this.#limit === undefined) return undefined
    let reserved = 0n
    for (const { most } of this.#holds) reserved += most
    return picoEuro(this.#limit - this.#settled - reserved)
  }

  /** @throws {HanseError} HANSE_BUDGET_EXHAUSTED, HANSE_BUDGET_RESERVED */
  reserve(most: PicoEuro): Reservation {
    this.#check(most)
    const hold: Hold = { most, paid: new Map() }
    this.#holds.add(hold)
    return {
      begin: (session) => {
        hold.paid.set(session, picoEuro(0n))
        this.#holdOf.set(session, hold)
      },
      release: () => {
        if (!this.#holds.delete(hold)) return
        this.#settled += sum(hold.paid.values())
        for (const session of hold.paid.keys()) this.#holdOf.delete(session)
      },
    }
  }

  /** A receipt was countersigned. @param amount of the whole session so far */
  paid(session: string, amount: PicoEuro): void {
    this.#holdOf.get(session)?.paid.set(session, amount)
  }

  #check(most: PicoEuro): void {
    const { free, spent } = this
    if (this.#limit === undefined || free === undefined || most <= free) return
    const why = `this answer may cost up to ${formatEuro(most)}, and of the budget of ${formatEuro(this.#limit)} `
    if (most > this.#limit - spent)
      throw new HanseError('HANSE_BUDGET_EXHAUSTED', `${why}${formatEuro(spent)} are spent`)
    throw new HanseError(
      'HANSE_BUDGET_RESERVED',
      `${why}only ${formatEuro(free)} are not held by answers that run`,
      { retryAfterMs: RETRY_MS },
    )
  }
}

function sum(amounts: Iterable<bigint>): bigint {
  let total = 0n
  for (const amount of amounts) total += amount
  return total
}
