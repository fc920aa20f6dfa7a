import type { Order } from '@hanse/protocol'
import type { SignedAcceptance, SignedOrder, SignedReceipt } from './session-store.ts'
import { InvariantViolation } from './violation.ts'

/** What one honest provider delivered in a session and has a promise for, counted apart from the rules under test. */
export class ProviderAccount {
  readonly order: SignedOrder
  readonly #inputTokens: bigint
  #tokens = 0n
  #countersigned = 0n
  #ended = false

  constructor(order: SignedOrder, acceptance: SignedAcceptance) {
    this.order = order
    this.#inputTokens = acceptance.value.inputTokens
  }

  /** Pico-euro: what it delivered, or once the session has ended, what of it will be paid. */
  get exposure(): bigint {
    const delivered = this.#delivered(this.order.value)
    return this.#ended || delivered < this.#countersigned ? this.#countersigned : delivered
  }

  delivered(items: readonly (readonly [number, Uint8Array])[]): void {
    for (const [tokens] of items) this.#tokens += BigInt(tokens)
    const { value } = this.order
    const open = this.#delivered(value) - this.#countersigned
    if (open > value.creditWindow)
      throw new InvariantViolation(
        'provider-window',
        `${open} pEUR delivered and not countersigned, the window is ${value.creditWindow}`,
      )
  }

  countersigned({ value }: SignedReceipt): void {
    this.#countersigned = value.amount
  }

  ended(): void {
    this.#ended = true
  }

  /** The input is counted in full as soon as anything that costs has left. */
  #delivered({ inputPrice, outputPrice, maxOutputTokens }: Order): bigint {
    if (this.#tokens === 0n) return 0n
    const tokens = this.#tokens < maxOutputTokens ? this.#tokens : maxOutputTokens
    return this.#inputTokens * inputPrice + tokens * outputPrice
  }
}
