import { HanseError } from '../errors.ts'
import { picoEuro } from '../money.ts'
import { commit, EMPTY_TRANSCRIPT, extendTranscript } from '../receipt/commitment.ts'
import { priceTokens, type Receipt } from '../receipt/receipt.ts'
import { signedFields } from '../record/signed.ts'
import {
  type ConsumerAction,
  type ConsumerEvent,
  type ConsumerState,
  type ConsumerTimer,
  consumerStep,
  openConsumerSession,
} from '../session/consumer.ts'
import { decodeConsumerFrame, decodeProviderFrame, encodeFrame } from '../session/frames.ts'
import { FINAL_REASONS } from '../session/reasons.ts'
import { quote } from '../session/records.ts'
import { utf8 } from '../wire.ts'
import * as make from './fixtures.ts'
import { providerSamples } from './fuzz-samples.ts'
import { framesLike, readScript, type Step, scripts, step } from './fuzz-script.ts'
import { mustBeRefusal, mustHold, type Target, unlessRefused } from './fuzz-target.ts'

const TIMERS: readonly ConsumerTimer[] = ['accept', 'deadline', 'cancel']

/** What can happen to a consumer, by its number in a script. `lie` is a receipt that is right but for one field. */
const OPS = {
  frame: 0,
  receipt: 1,
  delta: 2,
  accept: 3,
  lie: 4,
  quote: 5,
  reorder: 6,
  decline: 7,
  cancel: 8,
  timer: 9,
  closed: 10,
} as const

/** One consumer's session, with a provider that says what the script wants. */
class ConsumerUnderTest {
  state: ConsumerState
  #order = make.makeOrder()
  #ended = 0
  #last: ReturnType<typeof make.signReceipt> | undefined
  #transcript = EMPTY_TRANSCRIPT
  #deltas = 0n
  #tokens = 0n
  #lied = false
  #now = make.NOW

  constructor() {
    const { state, actions } = openConsumerSession({
      order: this.#order,
      authorization: make.makeAuthorization(),
      remaining: make.makeAuthorization().value.limit,
      secret: make.SECRET,
      prompt: make.PROMPT,
    })
    this.state = state
    this.#look(actions)
  }

  do({ op, n, bytes }: Step): void {
    this.#now += 1
    this.#lied = op === OPS.lie
    const event = this.#eventOf(op, n, bytes)
    if (event === undefined) return
    const before = this.state
    const { state, actions } = consumerStep(make.consumerContext, before, event)
    this.state = state
    if (before.phase === 'ended') mustHold(actions.length === 0, 'a session after its end')
    this.#look(actions)
    mustHold((state.phase === 'ended') === (this.#ended === 1), 'an end without an end, or two')
  }

  #eventOf(op: number, n: number, bytes: Uint8Array): ConsumerEvent | undefined {
    const now = this.#now
    switch (op) {
      case OPS.frame:
        return this.#arrival(bytes)
      case OPS.receipt:
      case OPS.lie:
        return this.#receipt(op === OPS.lie ? n : undefined, n % 5 === 4)
      case OPS.delta:
        return this.#delta(n)
      case OPS.accept: {
        const accepted = make.makeAcceptance(this.#order, { inputTokens: BigInt(n) })
        return this.#arrival(encodeFrame({ t: 'accept', acceptance: signedFields(accepted) }))
      }
      case OPS.quote:
        return this.#quote(n)
      case OPS.reorder:
        return this.#reorder()
      case OPS.decline:
        return { type: 'decline', now }
      case OPS.cancel:
        return { type: 'cancel', now }
      case OPS.timer:
        return { type: 'timer', timer: TIMERS[n % TIMERS.length] ?? 'accept', now }
      case OPS.closed:
        return { type: 'closed', now }
      default:
        return undefined
    }
  }

  #delta(n: number): ConsumerEvent {
    const text = 'x'.repeat(n % 60)
    const payload = utf8(JSON.stringify({ choices: [{ delta: { content: text } }] }))
    const tokens = Math.min(n % 60, 40)
    const frame = encodeFrame({ t: 'delta', first: this.#deltas, items: [[tokens, payload]] })
    this.#deltas += 1n
    this.#tokens += BigInt(tokens)
    this.#transcript = extendTranscript(this.#transcript, payload)
    return this.#arrival(frame)
  }

  /** The receipt that an honest provider would issue now, with one field changed where `lie` says which. */
  #receipt(lie: number | undefined, isFinal: boolean): ConsumerEvent | undefined {
    if (this.state.phase !== 'streaming') return undefined
    const sequence = this.#last === undefined ? 0n : this.#last.value.sequence + 1n
    const tokens = {
      inputTokens: this.state.acceptance.value.inputTokens,
      outputTokens: this.#tokens,
    }
    const right: Receipt = {
      acceptance: this.state.acceptance.cid,
      sequence,
      previous: this.#last?.cid ?? null,
      ...tokens,
      cachedInputTokens: 0n,
      amount: priceTokens(this.#order.value, tokens),
      transcript: commit(make.SECRET, { receipt: sequence }, this.#transcript),
      at: this.#now,
      final: isFinal ? (FINAL_REASONS[Number(this.#tokens % 16n)] ?? 'completed') : null,
    }
    const value = lie === undefined ? right : this.#bend(right, lieOf(right, lie))
    // A lie may be more than a record can say.
    const issued = unlessRefused(() => make.signReceipt(value))
    const theirs = issued?.signatures[0]
    if (issued === undefined || theirs === undefined) return undefined
    if (lie === undefined) this.#last = issued
    return this.#arrival(
      encodeFrame({ t: 'receipt', bytes: issued.bytes, signature: theirs.signature }),
    )
  }

  /** Right in all that follows from what was changed: only the change itself can give it away. */
  #bend(right: Receipt, change: Partial<Receipt>): Receipt {
    const bent = { ...right, ...change }
    const transcript = commit(make.SECRET, { receipt: bent.sequence }, this.#transcript)
    return { ...bent, amount: priceTokens(this.#order.value, bent), transcript, ...change }
  }

  #quote(n: number): ConsumerEvent | undefined {
    const { value, cid } = this.#order
    const { consumer, provider } = value
    const asked = make.sign(
      quote,
      {
        order: cid,
        consumer,
        provider,
        inputPrice: picoEuro(value.inputPrice + BigInt(n)),
        outputPrice: picoEuro(value.outputPrice + BigInt(n)),
        round: (n % 3) + 1,
        notAfter: this.#now + 1000,
      },
      'provider',
      make.provider,
    )
    return this.#arrival(encodeFrame({ t: 'quote', quote: signedFields(asked) }))
  }

  #reorder(): ConsumerEvent | undefined {
    if (this.state.phase !== 'deciding') return undefined
    const round = this.state.rounds.at(-1)
    if (round === undefined) return undefined
    const { inputPrice, outputPrice, round: number } = round.quote.value
    const nonce = new Uint8Array(16).fill(50 + number)
    const changes = { quote: round.quote.cid, nonce, inputPrice, outputPrice }
    this.#order = make.makeOrder({ ...this.#order.value, ...changes })
    const { limit: remaining } = make.makeAuthorization().value
    const bid = { order: this.#order, authorization: make.makeAuthorization(), remaining }
    return { type: 'reorder', bid, now: this.#now }
  }

  #arrival(bytes: Uint8Array): ConsumerEvent {
    const frame = unlessRefused(() => decodeProviderFrame(bytes))
    if (frame !== undefined) return { type: 'frame', frame, now: this.#now }
    const error = new HanseError('HANSE_FRAME_MALFORMED', 'malformed')
    return { type: 'malformed', error, now: this.#now }
  }

  #look(actions: readonly ConsumerAction[]): void {
    for (const action of actions) {
      if (action.type === 'send') decodeConsumerFrame(encodeFrame(action.frame))
      if (action.type === 'save-receipt') {
        const { value, signatures } = action.receipt
        mustHold(!this.#lied, 'signed a receipt that is wrong')
        mustHold(signatures.length === 2, 'a receipt that one side signed')
        mustHold(value.amount === priceTokens(this.#order.value, value), 'not tokens times price')
        mustHold(value.outputTokens <= this.#order.value.maxOutputTokens, 'more than ordered')
      }
      if (action.type !== 'end') continue
      this.#ended += 1
      if (action.error !== undefined) mustBeRefusal(action.error)
    }
  }
}

/** One field of a receipt as it must not be. */
function lieOf(right: Receipt, which: number): Partial<Receipt> {
  const lies: Partial<Receipt>[] = [
    { amount: picoEuro(right.amount + 1n) },
    { outputTokens: right.outputTokens + 1n },
    { inputTokens: right.inputTokens + 1n },
    { sequence: right.sequence + 1n },
    { previous: right.acceptance },
    { transcript: new Uint8Array(32) },
    { acceptance: make.makeOrder().cid },
    { cachedInputTokens: right.inputTokens + 1n },
    { amount: picoEuro(2n ** 63n - 1n) },
    { outputTokens: 2n ** 63n - 1n },
  ]
  return lies[which % lies.length] ?? {}
}

const well = [
  step(OPS.accept, 10),
  ...Array.from({ length: 12 }, (_, i) => (i % 3 === 2 ? step(OPS.receipt) : step(OPS.delta, 30))),
  step(OPS.delta, 5),
  step(OPS.receipt, 4),
]
const haggled = [0, 1, 2].flatMap((round) => [step(OPS.quote, 300 + round), step(OPS.reorder)])

export const consumerTarget: Target = {
  name: 'consumer-sessions',
  cost: 'session',
  inputs: scripts(Object.keys(OPS).length, framesLike(providerSamples().map(encodeFrame)), [
    well,
    [...haggled, ...well],
    [],
  ]),
  run: (input) => {
    const consumer = new ConsumerUnderTest()
    for (const next of readScript(input)) consumer.do(next)
  },
}
