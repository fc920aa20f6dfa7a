import { asHanseError, type ErrorCode, HanseError } from '../errors.ts'
import type { Signer } from '../identity/keys.ts'
import type { PicoEuro } from '../money.ts'
import { commit, EMPTY_TRANSCRIPT, extendTranscript } from '../receipt/commitment.ts'
import { priceTokens, RECEIPTS_MAX, type Receipt, receipt } from '../receipt/receipt.ts'
import { type Named, named } from '../record/record.ts'
import {
  isSignatureValid,
  openSigned,
  type Signature,
  type SignedRecord,
  type SigningContext,
  signBytes,
  signedFields,
} from '../record/signed.ts'
import { bytesEqual } from '../wire.ts'
import { type ConsumerFrame, type ProviderFrame, promptFrames } from './frames.ts'
import {
  outputTokensMax,
  SILENT_TOKENS_MAX,
  shownBytes as shownBytesOf,
  shownText,
  type Tokenizer,
} from './plausibility.ts'
import { type FinalReason, isAnswered, REASON_CODES } from './reasons.ts'
import {
  type Acceptance,
  acceptance,
  acceptanceSigners,
  type Order,
  type Quote,
  quote,
  quoteSigners,
  rejection,
  rejectionSigners,
} from './records.ts'
import type { Round } from './rounds.ts'

/**
 * The consumer's side of one session, without I/O. The states, and the ways out of each:
 *
 * | state     | waits for                        | leaves to |
 * |-----------|----------------------------------|-----------|
 * | ordering  | Acceptance, Quote or Rejection   | streaming; deciding; ended (rejected, timer, closed, cancelled, violation) |
 * | deciding  | the driver's answer to a Quote   | ordering; ended (declined, timer, closed, cancelled, violation) |
 * | streaming | Deltas and Receipts              | ended (final receipt, refused, timer, closed, violation) |
 * | ended     | nothing                          | – |
 *
 * A stream that just ends is never an answer: only a final Receipt ends a session well.
 */
export type ConsumerState = OrderingState | DecidingState | ConsumerStreaming | ConsumerEnded
type Running = Exclude<ConsumerState, ConsumerEnded>

/** An order, and what it takes to send it and to judge the answer. */
export interface Bid {
  readonly order: Named<Order> & SignedRecord
  readonly authorization: SignedRecord | null
  /** What the authorization still covers, pico-euro; `undefined` without one. */
  readonly remaining: PicoEuro | undefined
}

export interface Purchase extends Bid {
  readonly secret: Uint8Array
  readonly prompt: Uint8Array
  /** `traceparent` of W3C Trace Context, for a provider that traces too. */
  readonly trace?: string
  /** The model's own tokenizer, where the consumer has it. */
  readonly tokenizer?: Tokenizer
}

interface OrderingState {
  readonly phase: 'ordering'
  readonly purchase: Omit<Purchase, 'prompt'>
  /** What was ordered and quoted before, oldest first. */
  readonly rounds: readonly Round[]
}

interface DecidingState {
  readonly phase: 'deciding'
  readonly purchase: Omit<Purchase, 'prompt'>
  /** The last one holds the quote that is to be decided on. */
  readonly rounds: readonly Round[]
}

interface ConsumerStreaming {
  readonly phase: 'streaming'
  readonly purchase: Omit<Purchase, 'prompt'>
  readonly acceptance: Named<Acceptance> & SignedRecord
  readonly cancelled: boolean
  readonly outputTokens: bigint
  readonly shownBytes: number
  /** With a tokenizer: text since the last receipt, and the tokens of all text before it. */
  readonly unmeteredText: string
  readonly meteredTokens: bigint
  readonly deltas: bigint
  readonly transcript: Uint8Array
  readonly last: Named<Receipt> | undefined
}

interface ConsumerEnded {
  readonly phase: 'ended'
  readonly reason: FinalReason
}

export type ConsumerTimer = 'accept' | 'deadline' | 'cancel'

export type ConsumerEvent =
  | { readonly type: 'frame'; readonly frame: ProviderFrame; readonly now: number }
  | { readonly type: 'malformed'; readonly error: HanseError; readonly now: number }
  | { readonly type: 'cancel'; readonly now: number }
  /** The answer to `decide-quote`: the next order, which cites the quote, or nothing to leave it. */
  | { readonly type: 'reorder'; readonly bid: Bid; readonly now: number }
  | { readonly type: 'decline'; readonly error?: HanseError; readonly now: number }
  | { readonly type: 'timer'; readonly timer: ConsumerTimer; readonly now: number }
  | { readonly type: 'closed'; readonly now: number }

export type ConsumerAction =
  | { readonly type: 'send'; readonly frame: ConsumerFrame }
  /** The provider asks for other prices: `reorder` or `decline` is to follow. */
  | { readonly type: 'decide-quote'; readonly round: Round }
  | { readonly type: 'accepted'; readonly acceptance: Named<Acceptance> & SignedRecord }
  /** Payloads for the client, in order. */
  | { readonly type: 'deliver'; readonly payloads: readonly Uint8Array[]; readonly tokens: number }
  /** Keep a receipt with both signatures, durably, before the countersignature leaves. */
  | { readonly type: 'save-receipt'; readonly receipt: Named<Receipt> & SignedRecord }
  | { readonly type: 'set-timer'; readonly timer: ConsumerTimer; readonly ms: number }
  | { readonly type: 'end'; readonly reason: FinalReason; readonly error?: HanseError }

export interface ConsumerStep {
  readonly state: ConsumerState
  readonly actions: readonly ConsumerAction[]
}

export interface ConsumerContext extends SigningContext {
  readonly signer: Signer
}

export const CONSUMER_LIMITS = {
  /** A provider counts tokens and decides before it accepts; a busy one rejects at once. */
  acceptMs: 15_000,
  /** A cancelled engine stops between two tokens; then comes the final Receipt. */
  cancelMs: 5_000,
  /** The final Receipt after the provider's own deadline. */
  deadlineGraceMs: 5_000,
} as const

export function openConsumerSession(purchase: Purchase): ConsumerStep {
  const { prompt, ...rest } = purchase
  return {
    state: { phase: 'ordering', purchase: rest, rounds: [] },
    actions: [
      { type: 'set-timer', timer: 'accept', ms: CONSUMER_LIMITS.acceptMs },
      ...[orderFrame(rest), ...promptFrames(prompt)].map(
        (frame) => ({ type: 'send', frame }) as const,
      ),
    ],
  }
}

function orderFrame({
  order,
  authorization,
  secret,
  trace,
}: Omit<Purchase, 'prompt'>): ConsumerFrame {
  return {
    t: 'order',
    order: signedFields(order),
    authorization: authorization === null ? null : signedFields(authorization),
    secret,
    trace: trace ?? null,
  }
}

/** @throws never on bad input: every fault ends the session with its reason */
export function consumerStep(
  context: ConsumerContext,
  state: ConsumerState,
  event: ConsumerEvent,
): ConsumerStep {
  if (state.phase === 'ended') return { state, actions: [] }
  switch (event.type) {
    case 'closed':
      return lost(state, 'the stream ended without a final receipt')
    case 'malformed':
      return end('protocol-violation', event.error)
    case 'cancel':
      return onCancel(state)
    case 'reorder':
      return state.phase === 'deciding' ? reorder(state, event.bid) : { state, actions: [] }
    case 'decline':
      return state.phase === 'deciding' ? decline(event.error) : { state, actions: [] }
    case 'timer':
      return onTimer(state, event.timer)
    case 'frame':
      return onFrame(context, state, event.frame)
  }
}

function onFrame(context: ConsumerContext, state: Running, frame: ProviderFrame): ConsumerStep {
  switch (state.phase) {
    case 'ordering':
      return onOrdering(context, state, frame)
    case 'deciding':
      return unexpected(state, frame)
    case 'streaming':
      return onStreaming(context, state, frame)
  }
}

function onOrdering(
  context: ConsumerContext,
  state: OrderingState,
  frame: ProviderFrame,
): ConsumerStep {
  try {
    switch (frame.t) {
      case 'accept':
        return onAccept(state, openSigned(context, acceptance, frame.acceptance, acceptanceSigners))
      case 'reject': {
        const { value } = openSigned(context, rejection, frame.rejection, rejectionSigners)
        assertCites(state, value)
        const retry = value.retryAfterMs === null ? {} : { retryAfterMs: value.retryAfterMs }
        return end('rejected', new HanseError(value.code, value.message, retry))
      }
      case 'quote': {
        const asked = openSigned(context, quote, frame.quote, quoteSigners)
        assertCites(state, asked.value)
        return onQuote(state, asked)
      }
      case 'delta':
      case 'receipt':
        return unexpected(state, frame)
    }
  } catch (error) {
    return end('protocol-violation', asHanseError(error))
  }
}

function onQuote(state: OrderingState, asked: Named<Quote> & SignedRecord): ConsumerStep {
  const expected = state.rounds.length + 1
  if (asked.value.round !== expected) {
    const message = `quote of round ${asked.value.round} in round ${expected}`
    throw new HanseError('HANSE_QUOTE_ROUNDS', message)
  }
  const round = { order: state.purchase.order, quote: asked }
  return {
    state: { phase: 'deciding', purchase: state.purchase, rounds: [...state.rounds, round] },
    actions: [{ type: 'decide-quote', round }],
  }
}

function reorder(state: DecidingState, bid: Bid): ConsumerStep {
  const purchase = { ...state.purchase, ...bid }
  return {
    state: { phase: 'ordering', purchase, rounds: state.rounds },
    actions: [
      { type: 'set-timer', timer: 'accept', ms: CONSUMER_LIMITS.acceptMs },
      { type: 'send', frame: orderFrame(purchase) },
    ],
  }
}

function decline(error?: HanseError): ConsumerStep {
  const step = end(
    'quoted',
    error ?? new HanseError('HANSE_ORDER_PRICE', 'the provider asks for more than may be paid'),
  )
  return { state: step.state, actions: [{ type: 'send', frame: { t: 'cancel' } }, ...step.actions] }
}

function onAccept(state: OrderingState, accepted: Named<Acceptance> & SignedRecord): ConsumerStep {
  assertCites(state, accepted.value)
  const { order, tokenizer } = state.purchase
  const { inputTokens } = accepted.value
  if (inputTokens > order.value.maxInputTokens) {
    throw new HanseError('HANSE_RECEIPT_TOKENS', 'accepted for more input tokens than ordered')
  }
  if (tokenizer !== undefined && inputTokens > tokenizer.inputTokens) {
    const message = `accepted for ${inputTokens} input tokens, it has ${tokenizer.inputTokens}`
    throw new HanseError('HANSE_RECEIPT_TOKENS', message)
  }
  return {
    state: {
      phase: 'streaming',
      purchase: state.purchase,
      acceptance: accepted,
      cancelled: false,
      outputTokens: 0n,
      shownBytes: 0,
      unmeteredText: '',
      meteredTokens: 0n,
      deltas: 0n,
      transcript: EMPTY_TRANSCRIPT,
      last: undefined,
    },
    actions: [
      {
        type: 'set-timer',
        timer: 'deadline',
        ms: order.value.deadlineMs + CONSUMER_LIMITS.deadlineGraceMs,
      },
      { type: 'accepted', acceptance: accepted },
    ],
  }
}

function onStreaming(
  context: ConsumerContext,
  state: ConsumerStreaming,
  frame: ProviderFrame,
): ConsumerStep {
  switch (frame.t) {
    case 'delta':
      return onDeltas(state, frame)
    case 'receipt':
      return onReceipt(context, state, frame)
    case 'accept':
    case 'quote':
    case 'reject':
      return unexpected(state, frame)
  }
}

function onDeltas(
  state: ConsumerStreaming,
  frame: Extract<ProviderFrame, { t: 'delta' }>,
): ConsumerStep {
  if (frame.first !== state.deltas) return unexpected(state, frame)
  let { transcript, shownBytes } = state
  // A number within a frame: a bigint is made anew at every step.
  let counted = Number(state.outputTokens)
  const payloads: Uint8Array[] = []
  for (const [tokens, payload] of frame.items) {
    transcript = extendTranscript(transcript, payload)
    shownBytes += shownBytesOf(payload)
    counted += tokens
    if (counted > outputTokensMax(shownBytes)) {
      const message = `${counted} tokens in ${shownBytes} bytes of text`
      return end('protocol-violation', new HanseError('HANSE_RECEIPT_TOKENS', message))
    }
    payloads.push(payload)
  }
  const metered = state.purchase.tokenizer !== undefined
  return {
    state: {
      ...state,
      transcript,
      shownBytes,
      unmeteredText: metered ? state.unmeteredText + payloads.map(shownText).join('') : '',
      outputTokens: BigInt(counted),
      deltas: state.deltas + BigInt(payloads.length),
    },
    actions: [{ type: 'deliver', payloads, tokens: counted - Number(state.outputTokens) }],
  }
}

function onReceipt(
  context: ConsumerContext,
  state: ConsumerStreaming,
  frame: Extract<ProviderFrame, { t: 'receipt' }>,
): ConsumerStep {
  const { provider } = state.purchase.order.value
  const theirs: Signature = { signer: provider, role: 'provider', signature: frame.signature }
  let issued: Named<Receipt>
  try {
    issued = named(receipt, frame.bytes)
  } catch (error) {
    return end('protocol-violation', asHanseError(error))
  }
  if (!isSignatureValid(context, receipt, issued.bytes, theirs)) {
    return end(
      'protocol-violation',
      new HanseError('HANSE_SIGNATURE_INVALID', 'the receipt is not signed by the provider'),
    )
  }
  const metered = meter(state)
  const fault = receiptFault(metered, issued.value)
  if (fault !== undefined) {
    const step = end('receipt-refused', fault)
    const { sequence } = issued.value
    return {
      state: step.state,
      actions: [
        { type: 'send', frame: { t: 'refuse', sequence, code: fault.code } },
        ...step.actions,
      ],
    }
  }
  const ours = signBytes(context, receipt, issued.bytes, 'consumer', context.signer)
  const { final, sequence } = issued.value
  const actions: ConsumerAction[] = [
    // Save, then send: after a crash between the two we still know what we signed.
    { type: 'save-receipt', receipt: { ...issued, signatures: [theirs, ours] } },
    { type: 'send', frame: { t: 'countersign', sequence, signature: ours.signature } },
  ]
  if (final === null) return { state: { ...metered, last: issued }, actions }
  const error = isAnswered(final)
    ? undefined
    : new HanseError(codeOf(final), `the session ended: ${final}`)
  const step = end(final, error)
  return { state: step.state, actions: [...actions, ...step.actions] }
}

/** Counts the text since the last receipt, where the tokenizer is at hand. */
function meter(state: ConsumerStreaming): ConsumerStreaming {
  const { tokenizer } = state.purchase
  if (tokenizer === undefined || state.unmeteredText === '') return state
  const meteredTokens = state.meteredTokens + tokenizer.outputTokensMax(state.unmeteredText)
  return { ...state, meteredTokens, unmeteredText: '' }
}

/** Why a receipt must not be countersigned; `undefined` when it is right. */
function receiptFault(state: ConsumerStreaming, next: Receipt): HanseError | undefined {
  const { order, secret, remaining, tokenizer } = state.purchase
  const { last } = state
  const refuse = (code: ErrorCode, message: string) => new HanseError(code, message)
  if (!next.acceptance.equals(state.acceptance.cid))
    return refuse('HANSE_RECEIPT_CHAIN', 'for another session')
  const follows =
    last === undefined
      ? next.sequence === 0n && next.previous === null
      : next.sequence === last.value.sequence + 1n && next.previous?.equals(last.cid) === true
  if (!follows) return refuse('HANSE_RECEIPT_CHAIN', `receipt ${next.sequence} does not follow`)
  if (
    last !== undefined &&
    (next.inputTokens < last.value.inputTokens || next.outputTokens < last.value.outputTokens)
  ) {
    return refuse('HANSE_RECEIPT_CHAIN', 'totals fell')
  }
  // Each receipt costs a signature and a durable write: without progress there is nothing to sign.
  if (next.final === null && last !== undefined && !rose(last.value, next)) {
    return refuse('HANSE_RECEIPT_CHAIN', 'nothing came since the receipt before')
  }
  if (next.sequence >= RECEIPTS_MAX) {
    return refuse('HANSE_RECEIPT_CHAIN', `more than ${RECEIPTS_MAX} receipts`)
  }
  if (next.outputTokens > state.outputTokens || next.outputTokens > order.value.maxOutputTokens) {
    return refuse(
      'HANSE_RECEIPT_TOKENS',
      `${next.outputTokens} output tokens, ${state.outputTokens} came`,
    )
  }
  if (tokenizer !== undefined && next.outputTokens > state.meteredTokens + SILENT_TOKENS_MAX) {
    return refuse(
      'HANSE_RECEIPT_TOKENS',
      `${next.outputTokens} output tokens, the tokenizer counts ${state.meteredTokens}`,
    )
  }
  if (
    next.inputTokens > state.acceptance.value.inputTokens ||
    next.cachedInputTokens > next.inputTokens
  ) {
    return refuse('HANSE_RECEIPT_TOKENS', `${next.inputTokens} input tokens`)
  }
  if (next.amount !== priceTokens(order.value, next)) {
    return refuse('HANSE_RECEIPT_AMOUNT', `${next.amount} is not tokens times price`)
  }
  if (next.amount - (last?.value.amount ?? 0n) > order.value.creditWindow) {
    return refuse('HANSE_RECEIPT_WINDOW', 'more than one credit window at once')
  }
  if (remaining !== undefined && next.amount > remaining) {
    return refuse('HANSE_RECEIPT_LIMIT', 'beyond the authorization')
  }
  if (!bytesEqual(next.transcript, commit(secret, { receipt: next.sequence }, state.transcript))) {
    return refuse('HANSE_RECEIPT_TRANSCRIPT', 'the transcript differs')
  }
  return undefined
}

function rose(before: Receipt, after: Receipt): boolean {
  return after.inputTokens > before.inputTokens || after.outputTokens > before.outputTokens
}

function onCancel(state: Running): ConsumerStep {
  const actions: ConsumerAction[] = [{ type: 'send', frame: { t: 'cancel' } }]
  if (state.phase !== 'streaming') {
    const step = end(
      'cancelled',
      new HanseError('HANSE_SESSION_CANCELLED', 'cancelled before it was accepted'),
    )
    return { state: step.state, actions: [...actions, ...step.actions] }
  }
  if (state.cancelled) return { state, actions: [] }
  // Wait for the final receipt: what was delivered is paid for.
  return {
    state: { ...state, cancelled: true },
    actions: [...actions, { type: 'set-timer', timer: 'cancel', ms: CONSUMER_LIMITS.cancelMs }],
  }
}

function onTimer(state: Running, timer: ConsumerTimer): ConsumerStep {
  switch (timer) {
    case 'accept':
      if (state.phase === 'ordering') return lost(state, 'no answer to the order')
      return state.phase === 'deciding' ? decline() : { state, actions: [] }
    case 'deadline':
      return end(
        'deadline',
        new HanseError('HANSE_SESSION_DEADLINE', 'the deadline passed without a final receipt'),
      )
    case 'cancel':
      return end(
        'cancelled',
        new HanseError('HANSE_SESSION_CANCELLED', 'cancelled; no final receipt came'),
      )
  }
}

function assertCites(
  state: OrderingState,
  value: { order: { equals(other: unknown): boolean }; provider: string; consumer: string },
): void {
  const { order } = state.purchase
  const { provider, consumer } = order.value
  if (
    !value.order.equals(order.cid) ||
    value.provider !== provider ||
    value.consumer !== consumer
  ) {
    throw new HanseError('HANSE_FRAME_UNEXPECTED', 'the answer is to another order')
  }
}

function unexpected(state: Running, frame: ProviderFrame): ConsumerStep {
  return end(
    'protocol-violation',
    new HanseError('HANSE_FRAME_UNEXPECTED', `${frame.t} while ${state.phase}`),
  )
}

function lost(state: Running, message: string): ConsumerStep {
  const code = state.phase === 'streaming' ? 'HANSE_SESSION_CUT' : 'HANSE_PROVIDER_UNREACHABLE'
  return end('provider-unreachable', new HanseError(code, message))
}

function end(reason: FinalReason, error?: HanseError): ConsumerStep {
  return {
    state: { phase: 'ended', reason },
    actions: [{ type: 'end', reason, ...(error === undefined ? {} : { error }) }],
  }
}

function codeOf(reason: FinalReason): ErrorCode {
  return reason === 'completed' || reason === 'length' ? 'HANSE_INTERNAL' : REASON_CODES[reason]
}
