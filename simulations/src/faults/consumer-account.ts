import {
  bytesEqual,
  commit,
  EMPTY_TRANSCRIPT,
  extendTranscript,
  type PicoEuro,
  type Receipt,
  SILENT_TOKENS_MAX,
} from '@hanse/protocol'
import type { SignedAcceptance, SignedOrder, SignedReceipt } from './session-store.ts'
import { InvariantViolation } from './violation.ts'

export interface Bought {
  readonly order: SignedOrder
  readonly secret: Uint8Array
  /** What the authorization was said to cover; `undefined` without one. */
  readonly remaining: PicoEuro | undefined
}

/** What one honest consumer received in a session and promised for it, counted apart from the rules under test. */
export class ConsumerAccount {
  readonly #bought: Bought
  #acceptance: SignedAcceptance | undefined
  #tokens = 0n
  #shown = 0
  #transcript = EMPTY_TRANSCRIPT
  #last: SignedReceipt | undefined

  constructor(bought: Bought) {
    this.#bought = bought
  }

  get order(): SignedOrder {
    return this.#bought.order
  }

  accepted(acceptance: SignedAcceptance): void {
    const { order } = this.#bought
    if (acceptance.value.inputTokens > order.value.maxInputTokens)
      throw new InvariantViolation('consumer-pays', 'it takes an acceptance beyond its order')
    this.#acceptance = acceptance
  }

  received(tokens: number, payloads: readonly Uint8Array[]): void {
    this.#tokens += BigInt(tokens)
    for (const payload of payloads) {
      this.#shown += shownIn(payload)
      this.#transcript = extendTranscript(this.#transcript, payload)
    }
    if (Number(this.#tokens) > this.#shown + Number(SILENT_TOKENS_MAX))
      throw new InvariantViolation(
        'consumer-pays',
        `${this.#tokens} tokens in ${this.#shown} bytes`,
      )
  }

  countersigned(receipt: SignedReceipt): void {
    const { order, secret, remaining } = this.#bought
    const { value } = receipt
    this.#checkChain(value)
    this.#checkPrice(value)
    const before = this.#last?.value.amount ?? 0n
    if (value.amount - before > order.value.creditWindow)
      throw new InvariantViolation('consumer-window', `${value.amount - before} more at once`)
    if (remaining !== undefined && value.amount > remaining)
      throw new InvariantViolation('consumer-limit', `${value.amount} of ${remaining}`)
    const expected = commit(secret, { receipt: value.sequence }, this.#transcript)
    if (!bytesEqual(expected, value.transcript))
      throw new InvariantViolation('consumer-transcript', `receipt ${value.sequence}`)
    this.#last = receipt
  }

  #checkChain({ acceptance, sequence, previous, inputTokens, outputTokens }: Receipt): void {
    const last = this.#last
    const follows =
      this.#acceptance?.cid.equals(acceptance) === true &&
      (last === undefined
        ? sequence === 0n && previous === null
        : sequence === last.value.sequence + 1n && previous?.equals(last.cid) === true)
    const falls =
      last !== undefined &&
      (inputTokens < last.value.inputTokens || outputTokens < last.value.outputTokens)
    if (!follows || falls)
      throw new InvariantViolation('consumer-chain', `receipt ${sequence} does not follow`)
  }

  #checkPrice({ amount, inputTokens, outputTokens }: Receipt): void {
    const { value: order } = this.#bought.order
    const agreed = this.#acceptance?.value.inputTokens ?? 0n
    if (outputTokens > this.#tokens || outputTokens > order.maxOutputTokens || inputTokens > agreed)
      throw new InvariantViolation(
        'consumer-pays',
        `${inputTokens} + ${outputTokens} tokens countersigned, ${agreed} + ${this.#tokens} came`,
      )
    if (amount !== inputTokens * order.inputPrice + outputTokens * order.outputPrice)
      throw new InvariantViolation('consumer-pays', `${amount} is not tokens times price`)
  }
}

/** Bytes of text in a chunk of this world's engine; a chunk that was garbled on its way may show anything. */
function shownIn(payload: Uint8Array): number {
  const text = /^\{"choices":\[\{"delta":\{"content":"(x*)"\}\}\]\}$/u.exec(
    new TextDecoder().decode(payload),
  )
  return text?.[1]?.length ?? Number.POSITIVE_INFINITY
}
