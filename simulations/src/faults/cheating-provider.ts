import {
  acceptance,
  cidOf,
  commit,
  encodeCanonical,
  type Named,
  named,
  type ProviderContext,
  type ProviderFrame,
  type ProviderState,
  picoEuro,
  priceTokens,
  type Receipt,
  receipt,
  signedFields,
  signRecord,
} from '@hanse/protocol'
import type { Kernel, Random } from '../kernel/index.ts'
import type { ProviderCheat } from './cheats.ts'

type Streaming = Extract<ProviderState, { phase: 'streaming' | 'settling' }>

/** Spoils what a cheating provider sends, with its own key and the real encoders; for an honest one it does nothing. */
export class ProviderTampering {
  readonly #cheat: ProviderCheat | undefined
  readonly #context: ProviderContext
  readonly #kernel: Kernel
  readonly #random: Random
  #before: Named<Receipt> | undefined
  #streaming: Streaming | undefined
  #frames: ProviderFrame[] = []

  constructor(
    cheat: ProviderCheat | undefined,
    context: ProviderContext,
    kernel: Kernel,
    random: Random,
  ) {
    this.#cheat = cheat
    this.#context = context
    this.#kernel = kernel
    this.#random = random
  }

  /** It lets its own machine run over what it agreed to. */
  state(state: ProviderState): ProviderState {
    if (state.phase !== 'streaming' && state.phase !== 'settling') return state
    if (this.#cheat === 'overrun-window') {
      this.#acts()
      // So many tokens to a receipt that its window passes before one is due.
      const value = { ...state.order.value, receiptEvery: 1n << 40n }
      const order = { ...state.order, value }
      return { ...state, order, window: picoEuro(1n << 60n) }
    }
    return state
  }

  frames(frame: ProviderFrame, state: ProviderState): readonly (ProviderFrame | Uint8Array)[] {
    const cheat = this.#cheat
    if (cheat === undefined) return [frame]
    this.#frames.push(frame)
    switch (frame.t) {
      case 'receipt': {
        const streaming = state as Streaming
        const issued = named(receipt, frame.bytes)
        this.#streaming = streaming
        const sent = this.#random.chance(0.6) ? this.#receipt(cheat, issued, streaming) : undefined
        this.#before = issued
        if (sent === undefined) break
        this.#acts()
        return sent
      }
      case 'accept':
        if (cheat !== 'false-acceptance') break
        this.#acts()
        return [this.#acceptance(state as Streaming)]
      case 'delta':
        if (cheat !== 'inflated-deltas') break
        this.#acts()
        return [
          {
            ...frame,
            items: frame.items.map(([, payload]) => [payload.byteLength, payload]),
          },
        ]
      case 'quote':
      case 'reject':
        break
    }
    return this.#onWire(cheat, frame)
  }

  #onWire(cheat: ProviderCheat, frame: ProviderFrame): readonly ProviderFrame[] {
    if (cheat === 'vanish' && this.#frames.length > this.#random.between(1, 12)) {
      this.#acts()
      return []
    }
    if (cheat === 'replay-frames' && this.#random.chance(0.3)) {
      this.#acts()
      return [frame, this.#random.pick(this.#frames)]
    }
    return [frame]
  }

  #receipt(
    cheat: ProviderCheat,
    { value }: Named<Receipt>,
    { order, acceptance: accepted }: Streaming,
  ): ProviderFrame[] | undefined {
    const random = this.#random
    const more = BigInt(random.between(1, 40))
    const priced = (tokens: Pick<Receipt, 'inputTokens' | 'outputTokens'>) =>
      this.#sign({ ...value, ...tokens, amount: priceTokens(order.value, tokens) })
    switch (cheat) {
      case 'overcount-output':
        return [priced({ inputTokens: value.inputTokens, outputTokens: value.outputTokens + more })]
      case 'overcount-input':
        return [
          priced({
            inputTokens: accepted.value.inputTokens + more,
            outputTokens: value.outputTokens,
          }),
        ]
      case 'wrong-amount':
        return [this.#sign({ ...value, amount: picoEuro(value.amount + more) })]
      case 'wrong-transcript':
        return [this.#sign({ ...value, transcript: random.bytes(32) })]
      case 'skip-sequence':
        return [this.#sign({ ...value, sequence: value.sequence + 1n })]
      case 'wrong-previous':
        return [
          this.#sign({
            ...value,
            sequence: value.sequence === 0n ? 1n : value.sequence,
            previous: cidOf(encodeCanonical(random.next())),
          }),
        ]
      case 'falling-totals': {
        const before = this.#before?.value
        if (before === undefined || before.outputTokens === 0n) return undefined
        const { inputTokens, outputTokens } = before
        return [priced({ inputTokens, outputTokens: outputTokens - 1n })]
      }
      case 'idle-receipts': {
        const before = this.#before?.value
        return before === undefined ? undefined : [priced(before)]
      }
      case 'equivocate':
        return [this.#sign(value), this.#sign({ ...value, at: value.at + 1 })]
      case 'forge-signature':
        return [{ t: 'receipt', bytes: receipt.encode(value), signature: random.bytes(64) }]
      case 'overrun-window':
      case 'false-acceptance':
      case 'inflated-deltas':
      case 'ignore-policy':
      case 'false-statement':
      case 'vanish':
      case 'replay-frames':
        return undefined
    }
  }

  /** For more input than was ordered, of another order, or signed by nobody. */
  #acceptance({ acceptance: accepted, order }: Streaming): ProviderFrame {
    const { value } = accepted
    const changed = this.#random.pick([
      { ...value, inputTokens: order.value.maxInputTokens + 1n },
      { ...value, order: cidOf(encodeCanonical('another order')) },
      { ...value, consumer: value.provider },
      undefined,
    ])
    if (changed === undefined) {
      const [signature] = accepted.signatures
      if (signature === undefined) throw new Error('unsigned acceptance')
      const forged = { ...signature, signature: this.#random.bytes(64) }
      return { t: 'accept', acceptance: { bytes: accepted.bytes, signatures: [forged] } }
    }
    const signed = signRecord(this.#context, acceptance, changed, 'provider', this.#context.signer)
    return { t: 'accept', acceptance: signedFields(signed) }
  }

  #sign(changed: Receipt): ProviderFrame {
    const { signer } = this.#context
    // Right for its number, so that only one thing is wrong with it.
    const { secret, transcript: state } = this.#streaming ?? {}
    const value =
      secret === undefined || state === undefined || this.#cheat === 'wrong-transcript'
        ? changed
        : { ...changed, transcript: commit(secret, { receipt: changed.sequence }, state) }
    const { bytes, signatures } = signRecord(this.#context, receipt, value, 'provider', signer)
    return { t: 'receipt', bytes, signature: signatures[0]?.signature ?? new Uint8Array(64) }
  }

  #acts(): void {
    this.#kernel.count(`provider cheats: ${this.#cheat}`)
  }
}
