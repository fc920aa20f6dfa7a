import { HanseError } from '../errors.ts'
import { picoEuro } from '../money.ts'
import { priceTokens, receipt } from '../receipt/receipt.ts'
import { isSignatureValid, signBytes, signedFields } from '../record/signed.ts'
import { decodeConsumerFrame, decodeProviderFrame, encodeFrame } from '../session/frames.ts'
import {
  openProviderSession,
  type ProviderAction,
  type ProviderEvent,
  type ProviderState,
  type ProviderTimer,
  providerStep,
} from '../session/provider.ts'
import { FINAL_REASONS } from '../session/reasons.ts'
import { reviewInput } from '../session/review.ts'
import { utf8 } from '../wire.ts'
import * as make from './fixtures.ts'
import { consumerSamples } from './fuzz-samples.ts'
import { framesLike, readScript, type Step, scripts, step } from './fuzz-script.ts'
import { mustBeRefusal, mustHold, type Target, unlessRefused } from './fuzz-target.ts'

const TIMERS: readonly ProviderTimer[] = ['prompt', 'quote', 'deadline', 'countersign']
/** Prices and windows at which amounts come near to what a record holds. */
const DEAR = make.makeOrder({
  inputPrice: picoEuro(2n ** 40n),
  outputPrice: picoEuro(2n ** 58n),
  creditWindow: picoEuro(2n ** 62n),
})
const FREE = make.makeOrder({
  authorization: null,
  inputPrice: picoEuro(0n),
  outputPrice: picoEuro(0n),
  creditWindow: picoEuro(0n),
  receiptEvery: 1n,
})
const ORDERS = [make.makeOrder(), FREE, DEAR]
const frameOf = (order: ReturnType<typeof make.makeOrder>): Uint8Array =>
  encodeFrame({
    t: 'order',
    order: signedFields(order),
    authorization: null,
    secret: make.SECRET,
    trace: null,
  })
const FRAMES = [...consumerSamples().map(encodeFrame), ...ORDERS.map(frameOf)]
const PROMPT = encodeFrame({ t: 'prompt', part: make.PROMPT, last: true })

/** What can happen to a provider, by its number in a script; the first is a frame that arrives. */
const OPS = {
  frame: 0,
  countersign: 1,
  deltas: 2,
  accepted: 3,
  engineEnded: 4,
  reorder: 5,
  quoted: 6,
  rejected: 7,
  input: 8,
  timer: 9,
  drain: 10,
  closed: 11,
} as const

/** One provider's session, fed with a script. */
class ProviderUnderTest {
  state: ProviderState
  #ended = 0
  #saved = 0n
  #now = make.NOW

  constructor() {
    const { state, actions } = openProviderSession()
    this.state = state
    this.#look(actions)
  }

  do({ op, n, bytes }: Step): void {
    this.#now += 1
    const event = this.#eventOf(op, n, bytes)
    if (event === undefined) return
    const before = this.state
    const { state, actions } = providerStep(make.providerContext, before, event)
    this.state = state
    if (before.phase === 'ended') mustHold(actions.length === 0, 'a session after its end')
    this.#look(actions)
    mustHold((state.phase === 'ended') === (this.#ended === 1), 'an end without an end, or two')
    if (state.phase !== 'streaming' && state.phase !== 'settling') return
    const open = priceTokens(state.order.value, state) - state.countersigned
    mustHold(open <= state.order.value.creditWindow, 'more open than the window')
    mustHold(state.outputTokens <= state.order.value.maxOutputTokens, 'more than ordered')
  }

  #eventOf(op: number, n: number, bytes: Uint8Array): ProviderEvent | undefined {
    const now = this.#now
    const { state } = this
    switch (op) {
      case OPS.frame:
        return this.#arrival(bytes)
      case OPS.countersign: {
        const outstanding = 'outstanding' in state ? state.outstanding : undefined
        if (outstanding === undefined) return undefined
        const { bytes: issued, value } = outstanding
        const { signature } = signBytes(make.context, receipt, issued, 'consumer', make.consumer)
        return this.#arrival(encodeFrame({ t: 'countersign', sequence: value.sequence, signature }))
      }
      case OPS.deltas: {
        const payload = bytes.byteLength > 0 ? bytes : shown(n)
        return { type: 'deltas', deltas: [{ tokens: n % 40, payload }], now }
      }
      case OPS.accepted:
        return this.#decision(BigInt(n))
      case OPS.engineEnded: {
        const reason = FINAL_REASONS[n % FINAL_REASONS.length] ?? 'completed'
        const usage = { inputTokens: BigInt(n), cachedInputTokens: BigInt(n % 7) }
        return { type: 'engine-ended', reason, ...(n % 2 === 0 ? { usage } : {}), now }
      }
      case OPS.reorder: {
        if (state.phase !== 'quoting') return undefined
        const { value } = state.quote
        const changes = { ...state.ordered.order.value, quote: state.quote.cid }
        const nonce = new Uint8Array(16).fill(50 + value.round)
        const { inputPrice, outputPrice } = value
        return this.#arrival(
          frameOf(make.makeOrder({ ...changes, nonce, inputPrice, outputPrice })),
        )
      }
      case OPS.quoted: {
        const prices = { inputPrice: picoEuro(BigInt(n)), outputPrice: picoEuro(BigInt(n) * 1000n) }
        return { type: 'quoted', prices, now }
      }
      case OPS.rejected: {
        // Our own driver's words: longer than a record takes, and not without end.
        const message = new TextDecoder().decode(bytes.subarray(0, 700))
        const error = new HanseError('HANSE_CAPACITY', message, { retryAfterMs: n - 5 })
        return { type: 'rejected', error, now }
      }
      case OPS.input:
        return { type: 'input', inputTokens: BigInt(n), now }
      case OPS.timer:
        return { type: 'timer', timer: TIMERS[n % TIMERS.length] ?? 'prompt', now }
      case OPS.drain:
        return { type: 'drain', now }
      case OPS.closed:
        return { type: 'closed', now }
      default:
        return undefined
    }
  }

  /** A driver accepts only what it has reviewed. */
  #decision(inputTokens: bigint): ProviderEvent {
    const { state } = this
    const now = this.#now
    try {
      if (state.phase === 'reviewing') reviewInput(state.ordered.order.value, inputTokens)
      return { type: 'accepted', inputTokens, determinism: null, now }
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      return { type: 'rejected', error, now }
    }
  }

  #arrival(bytes: Uint8Array): ProviderEvent {
    const now = this.#now
    let malformed: HanseError | undefined
    const frame = unlessRefused(() => {
      try {
        return decodeConsumerFrame(bytes)
      } catch (error) {
        if (error instanceof HanseError) malformed = error
        throw error
      }
    })
    if (frame !== undefined) return { type: 'frame', frame, now }
    const error = malformed ?? new HanseError('HANSE_FRAME_MALFORMED', 'malformed')
    return { type: 'malformed', error, now }
  }

  #look(actions: readonly ProviderAction[]): void {
    for (const action of actions) {
      if (action.type === 'send') decodeProviderFrame(encodeFrame(action.frame))
      if (action.type === 'save-receipt') {
        const { value, signatures } = action.receipt
        mustHold(signatures.length === 2, 'a receipt that one side signed')
        const areValid = signatures.every((signature) =>
          isSignatureValid(make.context, receipt, action.receipt.bytes, signature),
        )
        mustHold(areValid, 'a receipt with a signature that does not verify')
        mustHold(value.sequence === this.#saved, 'a receipt left out, or twice')
        this.#saved += 1n
      }
      if (action.type !== 'end') continue
      this.#ended += 1
      if (action.error !== undefined) mustBeRefusal(action.error)
    }
  }
}

const shown = (n: number): Uint8Array =>
  utf8(JSON.stringify({ choices: [{ delta: { content: 'x'.repeat(n % 50) } }] }))

/** A session that goes well, with each order. */
const preludes = ORDERS.map((order) => [
  step(OPS.frame, 0, frameOf(order)),
  step(OPS.frame, 0, PROMPT),
  step(OPS.accepted, 10),
  ...Array.from({ length: 12 }, (_, i) =>
    i % 3 === 2 ? step(OPS.countersign) : step(OPS.deltas, 16),
  ),
  step(OPS.engineEnded),
  step(OPS.countersign),
])
const haggled = [
  ...(preludes[0]?.slice(0, 2) ?? []),
  ...Array.from({ length: 4 }, () => [step(OPS.quoted, 200), step(OPS.reorder)]).flat(),
]

export const providerTarget: Target = {
  name: 'provider-sessions',
  cost: 'session',
  inputs: scripts(Object.keys(OPS).length, framesLike([...FRAMES, PROMPT]), [
    ...preludes,
    haggled,
    [],
  ]),
  run: (input) => {
    const provider = new ProviderUnderTest()
    for (const next of readScript(input)) provider.do(next)
  },
}
