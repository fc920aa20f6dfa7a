import type { BalanceMovement } from '../stripe/index.ts'
import { ModelBookings } from './model-bookings.ts'

/** Pico-euro in a cent. */
const CENT = 10_000_000_000n
/** One in four: so plain that it needs no rounding rule but its own. */
export const MODEL_FEE_BPS = 2_500

/** What everybody has, pico-euro. */
export interface ModelBooks {
  readonly available: bigint
  readonly held: bigint
  readonly debt: bigint
  /** Of each provider: payable, held back and on its way, less what it owes. */
  readonly providers: readonly bigint[]
  readonly revenue: bigint
  readonly stripeFees: bigint
  readonly clearing: bigint
}

/**
 * Books so plain that they can be believed: maps of numbers for what was promised and earned, and at the end one sum over
 * what Stripe says has moved. It knows no states, no webhooks and no retries.
 */
export class Model extends ModelBookings {
  readonly #earned: bigint[] = [0n, 0n]
  #fees = 0n
  #goodwill = 0n
  #others = 0n

  protected earned(provider: number, increase: bigint, fee: bigint): void {
    this.#fees += fee
    this.#earned[provider] = (this.#earned[provider] ?? 0n) + increase - fee
  }

  /** What expired long enough ago is given back; where something is to be decided, that takes longer. */
  release(now: number, graceMs: number, disputeGraceMs: number): void {
    for (const authorization of this.authorizations) {
      const { expires, disputed } = authorization
      if (expires + (disputed ? disputeGraceMs : graceMs) <= now) authorization.open = false
    }
  }

  goodwill(amount: bigint): void {
    this.#goodwill += amount
  }

  /** What another organization paid in, and never uses: Stripe has it, and this one has not. */
  others(amount: bigint): void {
    this.#others += amount
  }

  /**
   * The books once everything that Stripe knows is known here too.
   *
   * @param movements all that ever moved Stripe's balance
   * @param accounts the providers' accounts, in their order
   */
  books(movements: readonly BalanceMovement[], accounts: readonly string[]): ModelBooks {
    let [paid, stripeFees, clearing] = [0n, 0n, 0n]
    const transferred = accounts.map(() => 0n)
    // What comes back of a transfer names the transfer only.
    const receivers = new Map(
      movements
        .filter(({ destination }) => destination !== undefined)
        .map(({ transfer, destination }) => [transfer, accounts.indexOf(destination ?? '')]),
    )
    for (const { type, transfer, amountCents, feeCents, netCents } of movements) {
      clearing -= netCents * CENT
      const to = receivers.get(transfer) ?? -1
      if (transfer !== undefined) transferred[to] = (transferred[to] ?? 0n) - amountCents * CENT
      // Of a dispute the customer pays the fee, too.
      else if (type === 'adjustment') paid += netCents * CENT
      else {
        paid += amountCents * CENT
        stripeFees += feeCents * CENT
      }
    }
    const held = this.authorizations
      .filter(({ open }) => open)
      .reduce((sum, { left }) => sum + left, 0n)
    const used = this.#earned.reduce((sum, amount) => sum + amount, this.#fees)
    const funds = paid - this.#others + this.#goodwill - used - held
    return {
      available: funds > 0n ? funds : 0n,
      held,
      debt: funds < 0n ? -funds : 0n,
      providers: this.#earned.map((amount, i) => amount - (transferred[i] ?? 0n)),
      revenue: this.#fees - this.#goodwill,
      stripeFees,
      clearing,
    }
  }
}
