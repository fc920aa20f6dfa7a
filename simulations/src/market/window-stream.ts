import {
  grownWindow,
  openingWindow,
  outputTokensMax,
  PROVIDER_LIMITS,
  picoEuro,
  prepaidWindow,
} from '@hanse/protocol'

/** Output tokens between receipts, as nodes order it when nobody says otherwise (`receipt-every`). */
export const RECEIPT_EVERY = 256

/** One answer, as far as its windows are concerned. */
export interface StreamPlan {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Pico-euro per token. */
  readonly inputPrice: bigint
  readonly outputPrice: bigint
  /** Between two tokens, and for a receipt and its countersignature; ms. */
  readonly tokenMs: number
  readonly roundTripMs: number
  /** Output tokens between receipts. */
  readonly receiptEvery: number
  /** What consumer and provider agreed on at most, and where the session starts; pico-euro. */
  readonly cap: bigint
  readonly opening: bigint
  /** The consumer is remembered for an unpaid window: the prompt is countersigned before a token comes. */
  readonly prepaid: boolean
  /** Receipts that the consumer countersigns before it stops doing so. */
  readonly countersigns: number
  /** Tokens that the provider counts for each that it sends; what it may count is bounded by the bytes sent. */
  readonly counts: number
  /** It breaks this long after its first token, ms. */
  readonly breaksAfterMs: number
}

export interface StreamEnd {
  /** From the first token to the end, ms, and how much of it the engine was held back. */
  readonly ms: number
  readonly stalledMs: number
  /** Tokens that came, and whether that is all. */
  readonly tokens: number
  readonly whole: boolean
  /** Output tokens that were charged for. */
  readonly counted: number
  /** Pico-euro: what both have signed for, and what was sent beyond that. */
  readonly signed: bigint
  readonly unsigned: bigint
  readonly window: bigint
  readonly isWithheld: boolean
}

/** English, in the tokenizers of today. */
const BYTES_PER_TOKEN = 4

/**
 * Plays an answer through its credit window, token by token, as `protocol/session/provider.ts` does: a receipt is due after
 * so many tokens, or when the window is full; one is out at a time; each countersignature widens the window.
 */
export function streamThroughWindow(plan: StreamPlan): StreamEnd {
  const stream = new Stream(plan)
  for (let token = 1; token <= plan.outputTokens; token++) if (!stream.send(token)) break
  return stream.end()
}

class Stream {
  readonly #plan: StreamPlan
  readonly #inputCost: number
  readonly #outputPrice: number
  #window: bigint
  #signedAmount: number
  #at = 0
  #stalledMs = 0
  #tokens = 0
  #counted = 0
  #countedAtReceipt = 0
  #countersigned = 0
  #out: { readonly at: number; readonly amount: number } | undefined
  #broken = false
  #withheld = false
  #promptOwed: boolean

  constructor(plan: StreamPlan) {
    this.#plan = plan
    this.#inputCost = plan.inputTokens * Number(plan.inputPrice)
    this.#outputPrice = Number(plan.outputPrice)
    this.#promptOwed = plan.prepaid
    this.#window = plan.prepaid ? BigInt(Math.round(this.#inputCost)) : plan.opening
    this.#signedAmount = 0
  }

  /** @returns whether it came */
  send(token: number): boolean {
    const { tokenMs, breaksAfterMs, counts, outputTokens, receiptEvery } = this.#plan
    // The first token has come when the stream begins.
    if (token > 1) this.#at += tokenMs
    if (this.#at > breaksAfterMs) {
      this.#broken = true
      return false
    }
    this.#arrived()
    const most = outputTokensMax(token * BYTES_PER_TOKEN)
    const counted = Math.min(Math.round(token * counts), most)
    while (this.#inputCost + counted * this.#outputPrice > this.#signedAmount + this.#room())
      if (!this.#makeRoom()) return false
    this.#tokens = token
    this.#counted = counted
    const due = counted - this.#countedAtReceipt >= receiptEvery || token === outputTokens
    if (due && this.#out === undefined) this.#issue()
    return true
  }

  end(): StreamEnd {
    const { outputTokens, roundTripMs } = this.#plan
    const whole = this.#tokens === outputTokens && !this.#broken
    const last = this.#at
    if (whole && !this.#withheld) {
      this.#settle()
      if (!this.#withheld && this.#signedAmount < this.#sent()) {
        this.#issue()
        this.#settle()
      }
    }
    const sent = this.#sent()
    return {
      ms: last + (whole && !this.#withheld ? roundTripMs : 0),
      stalledMs: this.#stalledMs,
      tokens: this.#tokens,
      whole,
      counted: this.#counted,
      signed: BigInt(Math.round(this.#signedAmount)),
      unsigned: BigInt(Math.round(Math.max(0, sent - this.#signedAmount))),
      window: this.#window,
      isWithheld: this.#withheld,
    }
  }

  #sent(): number {
    return this.#inputCost + this.#counted * this.#outputPrice
  }

  #room(): number {
    return Number(this.#window)
  }

  /** What has come back meanwhile. */
  #arrived(): void {
    if (this.#out !== undefined && this.#out.at <= this.#at) this.#sign()
  }

  /** Nothing more is sent until a receipt is countersigned. @returns whether there may be room now */
  #makeRoom(): boolean {
    const isSent = this.#tokens > 0 || this.#promptOwed
    if (this.#out === undefined && this.#sent() > this.#signedAmount && isSent) this.#issue()
    if (this.#out !== undefined) {
      if (this.#out.at === Number.POSITIVE_INFINITY) {
        this.#withheld = true
        this.#stalledMs += PROVIDER_LIMITS.countersignMs
        return false
      }
      const waited = Math.max(0, this.#out.at - this.#at)
      this.#stalledMs += waited
      this.#at += waited
      this.#sign()
      return true
    }
    if (this.#promptOwed) {
      // A prompt that costs nothing is owed by nobody.
      this.#promptOwed = false
      this.#window = this.#least()
      return true
    }
    if (this.#window >= this.#plan.cap) return false
    // All is countersigned and one chunk exceeds the window: what was agreed at most is granted at once.
    this.#window = this.#plan.cap
    return true
  }

  #issue(): void {
    const { countersigns, roundTripMs } = this.#plan
    const at = this.#countersigned < countersigns ? this.#at + roundTripMs : Infinity
    this.#out = { at, amount: this.#sent() }
    this.#countedAtReceipt = this.#counted
  }

  #sign(): void {
    if (this.#out === undefined) return
    this.#signedAmount = this.#out.amount
    this.#countersigned++
    this.#out = undefined
    this.#window = this.#promptOwed ? this.#least() : this.#grown()
    this.#promptOwed = false
  }

  #grown(): bigint {
    return grownWindow(picoEuro(this.#window), picoEuro(this.#plan.cap))
  }

  /** Engines say how long the prompt is before they read it. */
  #least(): bigint {
    const { cap, outputPrice } = this.#plan
    return prepaidWindow(picoEuro(cap), picoEuro(0n), picoEuro(outputPrice))
  }

  /** The end waits for its receipt. */
  #settle(): void {
    if (this.#out === undefined) return
    if (this.#out.at === Infinity) this.#withheld = true
    else this.#sign()
  }
}

/** Chat templates wrap each message in a few tokens. */
const TEMPLATE_TOKENS = 64

/** Two receipts' worth beyond the prompt, as the node's bidder asks for: without the tokenizer a prompt has as many tokens as bytes. */
export function capOf(
  inputTokens: number,
  { inputPrice, outputPrice }: Pick<StreamPlan, 'inputPrice' | 'outputPrice'>,
  receiptEvery: number,
): bigint {
  const input = BigInt(inputTokens * BYTES_PER_TOKEN + TEMPLATE_TOKENS)
  return input * inputPrice + 2n * BigInt(receiptEvery) * outputPrice
}

/** Where a session with a stranger starts. */
export function openingOf(
  plan: Pick<StreamPlan, 'inputTokens' | 'inputPrice' | 'outputPrice' | 'cap'>,
) {
  const input = picoEuro(BigInt(plan.inputTokens) * plan.inputPrice)
  return openingWindow(picoEuro(plan.cap), input, picoEuro(plan.outputPrice))
}
