import { asHanseError, HanseError } from '../errors.ts'
import type { Signer } from '../identity/keys.ts'
import { amountOf, type PicoEuro, picoEuro } from '../money.ts'
import { commit, commitPrompt, EMPTY_TRANSCRIPT, extendTranscript } from '../receipt/commitment.ts'
import { priceTokens, RECEIPTS_MAX, type Receipt, receipt } from '../receipt/receipt.ts'
import type { Named } from '../record/record.ts'
import {
  isSignatureValid,
  openSigned,
  type Signature,
  type SignedRecord,
  type SigningContext,
  signedFields,
  signRecord,
} from '../record/signed.ts'
import { bytesEqual, concat } from '../wire.ts'
import { grownWindow, openingWindow, prepaidWindow } from './credit-window.ts'
import {
  type ConsumerFrame,
  DELTA_PAYLOAD_BYTES_MAX,
  deltaFrames,
  PROMPT_BYTES_MAX,
  PROMPT_PARTS_MAX,
  type ProviderFrame,
} from './frames.ts'
import { outputTokensMax, shownBytes as shownBytesOf } from './plausibility.ts'
import type { FinalReason } from './reasons.ts'
import {
  type Acceptance,
  acceptance,
  type Determinism,
  type Order,
  order,
  orderSigners,
  QUOTE_ROUNDS_MAX,
  type Quote,
  quote,
  rejection,
} from './records.ts'
import { type Prices, type Round, reorderFault } from './rounds.ts'

/**
 * The provider's side of one session, without I/O: `providerStep` takes a state and an event and gives the next state and
 * what to do. The states, and the ways out of each:
 *
 * | state     | waits for                      | leaves to |
 * |-----------|--------------------------------|-----------|
 * | ordering  | Order, then all Prompt frames  | reviewing; ended (malformed, timer, closed, cancelled, drained, rejected) |
 * | reviewing | the driver's decision          | streaming; quoting; ended (rejected, closed, cancelled, drained) |
 * | quoting   | an Order that cites the Quote  | reviewing; ended (timer, closed, cancelled, violation, drained) |
 * | streaming | engine, countersignatures      | settling; ended (closed, refused, violation, timer) |
 * | settling  | the last countersignature      | ended (countersigned, refused, timer, closed) |
 * | ended     | nothing                        | – |
 */
export type ProviderState = Ordering | Reviewing | Quoting | Streaming | Ended

interface Ordering {
  readonly phase: 'ordering'
  readonly ordered: OrderReceived | undefined
  readonly parts: readonly Uint8Array[]
  readonly promptBytes: number
}

export interface OrderReceived {
  readonly order: Named<Order> & SignedRecord
  readonly authorization: SignedRecord | null
  readonly secret: Uint8Array
  /** `traceparent` of the consumer, if it tells. */
  readonly trace: string | null
  /** What was asked and quoted before this order, oldest first: it cites the last quote. */
  readonly rounds: readonly Round[]
}

interface Reviewing {
  readonly phase: 'reviewing'
  readonly ordered: OrderReceived
  readonly prompt: Uint8Array
}

interface Quoting {
  readonly phase: 'quoting'
  readonly ordered: OrderReceived
  readonly prompt: Uint8Array
  readonly quote: Named<Quote> & SignedRecord
}

interface Streaming {
  readonly phase: 'streaming' | 'settling'
  readonly order: Named<Order> & SignedRecord
  readonly acceptance: Named<Acceptance> & SignedRecord
  readonly secret: Uint8Array
  /** Delivered and counted. */
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  readonly shownBytes: number
  readonly deltas: bigint
  readonly transcript: Uint8Array
  /** Made by the engine, held back because the window is full. */
  readonly pending: readonly Delta[]
  readonly enginePaused: boolean
  readonly engineRunning: boolean
  readonly window: PicoEuro
  /** Of a payer that has left a window unpaid: whether the prompt is still to be countersigned, or windows grow from a few tokens. */
  readonly prepaid: 'prompt' | 'tokens' | undefined
  readonly countersigned: PicoEuro
  readonly tokensAtReceipt: bigint
  readonly last: Named<Receipt> | undefined
  /** Issued and not countersigned yet; one at a time. */
  readonly outstanding: (Named<Receipt> & { signature: Signature }) | undefined
  /** Set once nothing more will come from the engine. */
  readonly ending: FinalReason | undefined
}

export interface Ended {
  readonly phase: 'ended'
  readonly reason: FinalReason
}

export interface Delta {
  readonly tokens: number
  readonly payload: Uint8Array
}

export type ProviderTimer = 'prompt' | 'quote' | 'deadline' | 'countersign'

export type ProviderEvent =
  | { readonly type: 'frame'; readonly frame: ConsumerFrame; readonly now: number }
  /** The bytes of a frame could not be decoded. */
  | { readonly type: 'malformed'; readonly error: HanseError; readonly now: number }
  | {
      readonly type: 'accepted'
      readonly inputTokens: bigint
      readonly determinism: Determinism | null
      /** The payer has left a window unpaid: the prompt is to be countersigned before a token is sent. */
      readonly prepaid?: boolean
      readonly now: number
    }
  /** The order is good but for its prices: ask for these. */
  | { readonly type: 'quoted'; readonly prices: Prices; readonly now: number }
  | { readonly type: 'rejected'; readonly error: HanseError; readonly now: number }
  | { readonly type: 'input'; readonly inputTokens: bigint; readonly now: number }
  | { readonly type: 'deltas'; readonly deltas: readonly Delta[]; readonly now: number }
  | {
      readonly type: 'engine-ended'
      readonly reason: FinalReason
      readonly usage?: { readonly inputTokens: bigint; readonly cachedInputTokens: bigint }
      readonly now: number
    }
  | { readonly type: 'timer'; readonly timer: ProviderTimer; readonly now: number }
  | { readonly type: 'drain'; readonly now: number }
  /** The stream is gone. */
  | { readonly type: 'closed'; readonly now: number }

export type ProviderAction =
  /** Decide on the order: `accepted`, `quoted` or `rejected` is to follow. */
  | { readonly type: 'review'; readonly ordered: OrderReceived; readonly prompt: Uint8Array }
  | { readonly type: 'start-engine'; readonly acceptance: Named<Acceptance> & SignedRecord }
  | { readonly type: 'pause-engine' | 'resume-engine' | 'stop-engine' }
  | { readonly type: 'send'; readonly frame: ProviderFrame }
  /** Keep a receipt with both signatures; before anything else happens. */
  | { readonly type: 'save-receipt'; readonly receipt: Named<Receipt> & SignedRecord }
  | { readonly type: 'set-timer'; readonly timer: ProviderTimer; readonly ms: number }
  | { readonly type: 'clear-timer'; readonly timer: ProviderTimer }
  | {
      readonly type: 'end'
      readonly reason: FinalReason
      readonly error?: HanseError
      /** What was sent and not countersigned; none where that is nothing. */
      readonly unpaid?: PicoEuro
    }

export interface ProviderStep {
  readonly state: ProviderState
  readonly actions: readonly ProviderAction[]
}

export interface ProviderContext extends SigningContext {
  readonly signer: Signer
}

export const PROVIDER_LIMITS = {
  /** A consumer that is connected sends its prompt at once; 16 MiB at 1 MB/s take 16 s. */
  promptMs: 30_000,
  /** How long a quote is good: a program answers it, not a person. */
  quoteMs: 10_000,
  /** A countersignature takes one round trip and a disk write; beyond this the consumer is taken for gone. */
  countersignMs: 10_000,
  /** Deltas held back before the engine is paused. */
  pendingMax: 64,
  /** How long after its deadline a session's receipts may be dated. */
  receiptGraceMs: 60_000,
} as const

export function openProviderSession(): ProviderStep {
  return {
    state: { phase: 'ordering', ordered: undefined, parts: [], promptBytes: 0 },
    actions: [{ type: 'set-timer', timer: 'prompt', ms: PROVIDER_LIMITS.promptMs }],
  }
}

/** @throws never on bad input: every fault ends the session with its reason */
export function providerStep(
  context: ProviderContext,
  state: ProviderState,
  event: ProviderEvent,
): ProviderStep {
  if (state.phase === 'ended') return { state, actions: [] }
  if (event.type === 'closed') return end(state, 'consumer-unreachable')
  if (event.type === 'malformed') return end(state, 'protocol-violation', event.error)
  if (event.type === 'frame' && event.frame.t === 'cancel')
    return onCancel(context, state, event.now)
  switch (state.phase) {
    case 'ordering':
      return onOrdering(context, state, event)
    case 'reviewing':
      return onReviewing(context, state, event)
    case 'quoting':
      return onQuoting(context, state, event)
    case 'streaming':
    case 'settling':
      return onStreaming(context, state, event)
  }
}

function onOrdering(context: ProviderContext, state: Ordering, event: ProviderEvent): ProviderStep {
  if (event.type === 'timer') return end(state, 'consumer-unreachable')
  if (event.type === 'drain') {
    if (state.ordered === undefined) return end(state, 'draining')
    return reject(context, state.ordered, draining(), event.now)
  }
  // The driver has no room for the prompt.
  if (event.type === 'rejected' && state.ordered !== undefined)
    return reject(context, state.ordered, event.error, event.now)
  if (event.type !== 'frame') return { state, actions: [] }
  const { frame } = event
  if (frame.t === 'order' && state.ordered === undefined) {
    try {
      const opened = openSigned(context, order, frame.order, orderSigners)
      const { authorization, secret, trace } = frame
      const ordered = { order: opened, authorization, secret, trace, rounds: [] }
      return { state: { ...state, ordered }, actions: [] }
    } catch (error) {
      return end(state, 'protocol-violation', asHanseError(error))
    }
  }
  if (frame.t !== 'prompt' || state.ordered === undefined) return unexpected(state, frame)
  const promptBytes = state.promptBytes + frame.part.byteLength
  if (promptBytes > PROMPT_BYTES_MAX) {
    const error = new HanseError('HANSE_PROMPT_TOO_LARGE', `more than ${PROMPT_BYTES_MAX} bytes`)
    return reject(context, state.ordered, error, event.now)
  }
  // Empty or tiny parts would fill memory without ever reaching the limit on bytes.
  if (state.parts.length >= PROMPT_PARTS_MAX) {
    const error = new HanseError('HANSE_PROMPT_TOO_LARGE', `more than ${PROMPT_PARTS_MAX} parts`)
    return reject(context, state.ordered, error, event.now)
  }
  const parts = [...state.parts, frame.part]
  if (!frame.last) return { state: { ...state, parts, promptBytes }, actions: [] }
  const prompt = concat(parts)
  const { ordered } = state
  if (!bytesEqual(commitPrompt(ordered.secret, prompt), ordered.order.value.promptCommitment)) {
    const error = new HanseError(
      'HANSE_ORDER_COMMITMENT',
      'the prompt is not the one the order commits to',
    )
    return reject(context, ordered, error, event.now)
  }
  return {
    state: { phase: 'reviewing', ordered, prompt },
    actions: [
      { type: 'clear-timer', timer: 'prompt' },
      { type: 'review', ordered, prompt },
    ],
  }
}

function onReviewing(
  context: ProviderContext,
  state: Reviewing,
  event: ProviderEvent,
): ProviderStep {
  switch (event.type) {
    case 'rejected':
      return reject(context, state.ordered, event.error, event.now)
    case 'drain':
      return reject(context, state.ordered, draining(), event.now)
    case 'accepted':
      return accept(context, state.ordered, event, event.now)
    case 'quoted':
      return askFor(context, state, event.prices, event.now)
    case 'frame':
      return unexpected(state, event.frame)
    case 'input':
    case 'deltas':
    case 'engine-ended':
    case 'timer':
    case 'closed':
    case 'malformed':
      return { state, actions: [] }
  }
}

/** Answers an order with other prices, while rounds are left. */
function askFor(
  context: ProviderContext,
  { ordered, prompt }: Reviewing,
  prices: Prices,
  now: number,
): ProviderStep {
  const round = ordered.rounds.length + 1
  if (round > QUOTE_ROUNDS_MAX) {
    const error = new HanseError('HANSE_QUOTE_ROUNDS', `no agreement in ${QUOTE_ROUNDS_MAX} rounds`)
    return reject(context, ordered, error, now)
  }
  const { consumer, provider } = ordered.order.value
  const { inputPrice, outputPrice } = prices
  const notAfter = now + PROVIDER_LIMITS.quoteMs
  const asked = signRecord(
    context,
    quote,
    { order: ordered.order.cid, consumer, provider, inputPrice, outputPrice, round, notAfter },
    'provider',
    context.signer,
  )
  return {
    state: { phase: 'quoting', ordered, prompt, quote: asked },
    actions: [
      { type: 'set-timer', timer: 'quote', ms: PROVIDER_LIMITS.quoteMs },
      { type: 'send', frame: { t: 'quote', quote: signedFields(asked) } },
    ],
  }
}

function onQuoting(context: ProviderContext, state: Quoting, event: ProviderEvent): ProviderStep {
  switch (event.type) {
    case 'frame':
      return event.frame.t === 'order'
        ? onReorder(context, state, event.frame, event.now)
        : unexpected(state, event.frame)
    case 'drain':
      return reject(context, state.ordered, draining(), event.now)
    case 'timer':
      return event.timer === 'quote' ? end(state, 'quoted') : { state, actions: [] }
    case 'accepted':
    case 'quoted':
    case 'rejected':
    case 'input':
    case 'deltas':
    case 'engine-ended':
    case 'closed':
    case 'malformed':
      return { state, actions: [] }
  }
}

/** A new order for the same thing: it must cite the quote and change nothing that the quote was made for. */
function onReorder(
  context: ProviderContext,
  state: Quoting,
  frame: Extract<ConsumerFrame, { t: 'order' }>,
  now: number,
): ProviderStep {
  const { ordered: before, quote: asked, prompt } = state
  let opened: Named<Order> & SignedRecord
  try {
    opened = openSigned(context, order, frame.order, orderSigners)
  } catch (error) {
    return end(state, 'protocol-violation', asHanseError(error))
  }
  const ordered: OrderReceived = {
    order: opened,
    authorization: frame.authorization,
    secret: frame.secret,
    trace: frame.trace,
    rounds: [...before.rounds, { order: before.order, quote: asked }],
  }
  const fault = reorderFault(before.order.value, asked, opened.value)
  if (fault !== undefined) {
    return reject(context, ordered, new HanseError('HANSE_ORDER_QUOTE', fault), now)
  }
  if (!bytesEqual(commitPrompt(frame.secret, prompt), opened.value.promptCommitment)) {
    const error = new HanseError('HANSE_ORDER_COMMITMENT', 'the prompt is not the one that came')
    return reject(context, ordered, error, now)
  }
  return {
    state: { phase: 'reviewing', ordered, prompt },
    actions: [
      { type: 'clear-timer', timer: 'quote' },
      { type: 'review', ordered, prompt },
    ],
  }
}

const draining = () => new HanseError('HANSE_DRAINING', 'the provider is shutting down')

function accept(
  context: ProviderContext,
  ordered: OrderReceived,
  { inputTokens, determinism, prepaid = false }: Extract<ProviderEvent, { type: 'accepted' }>,
  now: number,
): ProviderStep {
  const { order } = ordered
  const { consumer, provider, deadlineMs, creditWindow, inputPrice, outputPrice } = order.value
  const accepted = signRecord(
    context,
    acceptance,
    {
      order: order.cid,
      consumer,
      provider,
      inputTokens,
      at: now,
      notAfter: now + deadlineMs + PROVIDER_LIMITS.receiptGraceMs,
      determinism,
    },
    'provider',
    context.signer,
  )
  const state: Streaming = {
    phase: 'streaming',
    order,
    acceptance: accepted,
    secret: ordered.secret,
    inputTokens: 0n,
    cachedInputTokens: 0n,
    outputTokens: 0n,
    shownBytes: 0,
    deltas: 0n,
    transcript: EMPTY_TRANSCRIPT,
    pending: [],
    enginePaused: false,
    engineRunning: true,
    // For the prompt, and for no token: whoever is to pay first has no other window.
    window: prepaid
      ? amountOf(inputTokens, inputPrice)
      : openingWindow(creditWindow, amountOf(inputTokens, inputPrice), outputPrice),
    prepaid: prepaid ? 'prompt' : undefined,
    countersigned: picoEuro(0n),
    tokensAtReceipt: 0n,
    last: undefined,
    outstanding: undefined,
    ending: undefined,
  }
  return {
    state,
    actions: [
      { type: 'set-timer', timer: 'deadline', ms: deadlineMs },
      { type: 'send', frame: { t: 'accept', acceptance: signedFields(accepted) } },
      { type: 'start-engine', acceptance: accepted },
    ],
  }
}

function onStreaming(
  context: ProviderContext,
  state: Streaming,
  event: ProviderEvent,
): ProviderStep {
  switch (event.type) {
    case 'frame':
      return onStreamingFrame(context, state, event.frame, event.now)
    case 'input': {
      const counted = { ...state, inputTokens: countInput(state, event.inputTokens) }
      // While the prompt is read its receipt has time to come back.
      return state.prepaid === 'prompt'
        ? advance(context, counted, event.now)
        : { state: counted, actions: [] }
    }
    case 'deltas':
      if (state.ending !== undefined) return { state, actions: [] }
      if (event.deltas.some(({ payload }) => payload.byteLength > DELTA_PAYLOAD_BYTES_MAX)) {
        // No frame can carry it, and an answer with a hole in it is worse than none.
        return stop(context, state, 'engine-failed', event.now)
      }
      return advance(context, { ...state, pending: joined(state.pending, event.deltas) }, event.now)
    case 'engine-ended': {
      const ended = { ...state, engineRunning: false }
      if (state.ending !== undefined) return advance(context, ended, event.now)
      const inputTokens = countInput(state, event.usage?.inputTokens ?? 0n)
      const cached = event.usage?.cachedInputTokens ?? 0n
      const cachedInputTokens = cached < inputTokens ? cached : inputTokens
      return advance(
        context,
        { ...ended, inputTokens, cachedInputTokens, ending: event.reason },
        event.now,
      )
    }
    case 'timer':
      if (event.timer === 'countersign') {
        const waiting = state.outstanding !== undefined
        return waiting ? end(state, 'consumer-unreachable') : { state, actions: [] }
      }
      return event.timer === 'deadline'
        ? stop(context, state, 'deadline', event.now)
        : { state, actions: [] }
    case 'drain':
    case 'accepted':
    case 'quoted':
    case 'rejected':
    case 'closed':
    case 'malformed':
      // Draining lets running answers finish; the driver sets its own limit and closes the stream.
      return { state, actions: [] }
  }
}

function onStreamingFrame(
  context: ProviderContext,
  state: Streaming,
  frame: ConsumerFrame,
  now: number,
): ProviderStep {
  const { outstanding } = state
  if (frame.t === 'refuse') {
    return end(
      state,
      'receipt-refused',
      new HanseError(frame.code, `the consumer refused receipt ${frame.sequence}`),
    )
  }
  if (frame.t !== 'countersign' || outstanding === undefined) return unexpected(state, frame)
  if (frame.sequence !== outstanding.value.sequence) return unexpected(state, frame)
  const signer = state.order.value.consumer
  const signature: Signature = { signer, role: 'consumer', signature: frame.signature }
  if (!isSignatureValid(context, receipt, outstanding.bytes, signature)) {
    const error = new HanseError('HANSE_SIGNATURE_INVALID', 'the countersignature does not verify')
    return end(state, 'protocol-violation', error)
  }
  const signed = { ...named(outstanding), signatures: [outstanding.signature, signature] }
  const saved: ProviderAction[] = [
    { type: 'clear-timer', timer: 'countersign' },
    { type: 'save-receipt', receipt: signed },
  ]
  const countersigned = outstanding.value.amount
  if (outstanding.value.final !== null)
    return end({ ...state, countersigned }, outstanding.value.final, undefined, saved)
  const next: Streaming = {
    ...state,
    last: named(outstanding),
    outstanding: undefined,
    countersigned,
    ...(state.prepaid === 'prompt'
      ? { prepaid: 'tokens' as const, window: leastWindow(state) }
      : { window: grownWindow(state.window, state.order.value.creditWindow) }),
  }
  const step = advance(context, next, now)
  return { state: step.state, actions: [...saved, ...step.actions] }
}

/** Sends what the window allows, asks for a countersignature when one is due, and settles when all is sent. */
function advance(context: ProviderContext, before: Streaming, now: number): ProviderStep {
  const actions: ProviderAction[] = []
  let state = sendPending(before, actions)
  const blocked = state.pending.length > 0
  const finished = !blocked && state.ending !== undefined
  if (state.outstanding === undefined) {
    const due = state.outputTokens - state.tokensAtReceipt >= state.order.value.receiptEvery
    const owing = amountSent(state) > state.countersigned
    const wanted = owing && (blocked || state.prepaid === 'prompt')
    if (finished) {
      state = issueReceipt(
        context,
        { ...state, phase: 'settling' },
        state.ending ?? null,
        now,
        actions,
      )
    } else if ((due || wanted) && receiptsLeft(state) <= 1n) {
      return stop(context, state, 'too-many-receipts', now, actions)
    } else if (due || wanted) {
      state = issueReceipt(context, state, null, now, actions)
    } else if (
      blocked &&
      (state.prepaid === 'prompt' || state.window < state.order.value.creditWindow)
    ) {
      // Everything is countersigned and the next chunk alone exceeds the window. Chunks are never cut.
      const step = advance(context, widened(state), now)
      return { state: step.state, actions: [...actions, ...step.actions] }
    } else if (blocked) {
      return stop(context, state, 'window-exhausted', now, actions)
    }
  }
  return { state: throttle(state, actions), actions }
}

function receiptsLeft(state: Streaming): bigint {
  return RECEIPTS_MAX - (state.last === undefined ? 0n : state.last.value.sequence + 1n)
}

function sendPending(state: Streaming, actions: ProviderAction[]): Streaming {
  // Also what counts no tokens: an embedding is all that there is to have.
  if (state.prepaid === 'prompt') return state
  if (state.pending.length === 0) return state
  const affordable = affordableTokens(state)
  const ordered = Number(state.order.value.maxOutputTokens)
  let { shownBytes, transcript } = state
  // A number within a batch: a bigint is made anew at every step.
  let outputTokens = Number(state.outputTokens)
  const items: [number, Uint8Array][] = []
  for (const { tokens, payload } of state.pending) {
    const shown = shownBytes + shownBytesOf(payload)
    // What the consumer would not believe, and what an engine makes beyond the order, is not counted.
    const after = Math.min(outputTokens + tokens, outputTokensMax(shown), ordered)
    if (after > outputTokens && after > affordable) break
    items.push([after - outputTokens, payload])
    outputTokens = after
    shownBytes = shown
    transcript = extendTranscript(transcript, payload)
  }
  const count = items.length
  if (count === 0) return state
  for (const frame of deltaFrames(state.deltas, items)) actions.push({ type: 'send', frame })
  return {
    ...state,
    outputTokens: BigInt(outputTokens),
    shownBytes,
    transcript,
    deltas: state.deltas + BigInt(count),
    pending: count === state.pending.length ? [] : state.pending.slice(count),
  }
}

/** What was agreed at most, at once; of one who is to pay first, no more than the next chunk takes. */
function widened(state: Streaming): Streaming {
  const { creditWindow, inputPrice, outputPrice } = state.order.value
  if (state.prepaid === undefined) return { ...state, window: creditWindow }
  const [next] = state.pending
  const tokens = state.outputTokens + BigInt(next?.tokens ?? 0)
  const input = amountOf(state.acceptance.value.inputTokens, inputPrice)
  const needed = input + amountOf(tokens, outputPrice) - state.countersigned
  const least = leastWindow(state)
  const window = needed > least ? needed : least
  return {
    ...state,
    prepaid: 'tokens',
    window: picoEuro(window < creditWindow ? window : creditWindow),
  }
}

/** The least window that moves a session of which the prompt is countersigned as far as it is counted. */
function leastWindow({ order, acceptance, inputTokens }: Streaming): PicoEuro {
  const { creditWindow, inputPrice, outputPrice } = order.value
  const uncounted = acceptance.value.inputTokens - inputTokens
  return prepaidWindow(creditWindow, amountOf(uncounted, inputPrice), outputPrice)
}

/** Without a copy while nothing is held back, which is nearly always. */
function joined(pending: readonly Delta[], more: readonly Delta[]): readonly Delta[] {
  return pending.length === 0 ? more : [...pending, ...more]
}

/** Output tokens, of the whole answer, that the window has room for. */
function affordableTokens({ order, acceptance, countersigned, window }: Streaming): number {
  const { inputPrice, outputPrice } = order.value
  // The engine may tell the input only at its end: room is kept for the most that it can then add to a receipt.
  const { inputTokens } = acceptance.value
  const left = countersigned + window - amountOf(inputTokens, inputPrice)
  if (left < 0n) return -1
  return outputPrice === 0n ? Infinity : Number(left / outputPrice)
}

function issueReceipt(
  context: ProviderContext,
  state: Streaming,
  final: FinalReason | null,
  now: number,
  actions: ProviderAction[],
): Streaming {
  const sequence = state.last === undefined ? 0n : state.last.value.sequence + 1n
  const issued = signRecord(
    context,
    receipt,
    {
      acceptance: state.acceptance.cid,
      sequence,
      previous: state.last?.cid ?? null,
      inputTokens: state.inputTokens,
      cachedInputTokens: state.cachedInputTokens,
      outputTokens: state.outputTokens,
      amount: amountSent(state),
      transcript: commit(state.secret, { receipt: sequence }, state.transcript),
      // A wall clock may be set back in mid-session; receipts are never dated before one another.
      at: Math.max(now, (state.last?.value ?? state.acceptance.value).at),
      final,
    },
    'provider',
    context.signer,
  )
  const signature = issued.signatures[0]
  if (signature === undefined) throw new Error('unsigned receipt')
  actions.push(
    { type: 'set-timer', timer: 'countersign', ms: PROVIDER_LIMITS.countersignMs },
    { type: 'send', frame: { t: 'receipt', bytes: issued.bytes, signature: signature.signature } },
  )
  return {
    ...state,
    outstanding: { ...named(issued), signature },
    tokensAtReceipt: state.outputTokens,
  }
}

function throttle(state: Streaming, actions: ProviderAction[]): Streaming {
  const full = state.pending.length > PROVIDER_LIMITS.pendingMax
  if (!state.engineRunning || full === state.enginePaused) return state
  if (!full && state.pending.length > 0) return state
  actions.push({ type: full ? 'pause-engine' : 'resume-engine' })
  return { ...state, enginePaused: full }
}

/** Ends the engine's work for `reason` and asks for the last countersignature. */
function stop(
  context: ProviderContext,
  state: Streaming,
  reason: FinalReason,
  now: number,
  before: readonly ProviderAction[] = [],
): ProviderStep {
  if (state.ending !== undefined && state.pending.length === 0) return { state, actions: before }
  const halted: ProviderAction[] = state.engineRunning ? [{ type: 'stop-engine' }] : []
  const step = advance(
    context,
    { ...state, pending: [], engineRunning: false, ending: reason },
    now,
  )
  return { state: step.state, actions: [...before, ...halted, ...step.actions] }
}

function onCancel(
  context: ProviderContext,
  state: Exclude<ProviderState, Ended>,
  now: number,
): ProviderStep {
  if (state.phase === 'streaming') return stop(context, state, 'cancelled', now)
  return state.phase === 'settling' ? { state, actions: [] } : end(state, 'cancelled')
}

function reject(
  context: ProviderContext,
  ordered: OrderReceived,
  error: HanseError,
  now: number,
): ProviderStep {
  const { order } = ordered
  const rejected = signRecord(
    context,
    rejection,
    {
      order: order.cid,
      consumer: order.value.consumer,
      provider: order.value.provider,
      code: error.code,
      message: error.message.replaceAll('\u{FEFF}', '').slice(0, 500).toWellFormed(),
      retryAfterMs: wholeMs(error.retryAfterMs),
      at: now,
    },
    'provider',
    context.signer,
  )
  return {
    state: { phase: 'ended', reason: 'rejected' },
    actions: [
      { type: 'clear-timer', timer: 'prompt' },
      { type: 'send', frame: { t: 'reject', rejection: signedFields(rejected) } },
      { type: 'end', reason: 'rejected', error },
    ],
  }
}

/** A wait as a record can carry it: whole milliseconds, at most a day. */
function wholeMs(ms: number | undefined): number | null {
  if (ms === undefined || !(ms >= 0)) return null
  return Math.min(Math.ceil(ms), 86_400_000)
}

function unexpected(state: Exclude<ProviderState, Ended>, frame: ConsumerFrame): ProviderStep {
  return end(
    state,
    'protocol-violation',
    new HanseError('HANSE_FRAME_UNEXPECTED', `${frame.t} while ${state.phase}`),
  )
}

function end(
  state: Exclude<ProviderState, Ended>,
  reason: FinalReason,
  error?: HanseError,
  before: readonly ProviderAction[] = [],
): ProviderStep {
  const served = state.phase === 'streaming' || state.phase === 'settling' ? state : undefined
  const unpaid = served === undefined ? 0n : amountSent(served) - served.countersigned
  return {
    state: { phase: 'ended', reason },
    actions: [
      ...before,
      ...(served?.engineRunning === true ? [{ type: 'stop-engine' } as const] : []),
      {
        type: 'end',
        reason,
        ...(error === undefined ? {} : { error }),
        ...(unpaid > 0n ? { unpaid: picoEuro(unpaid) } : {}),
      },
    ],
  }
}

/** Input counts once it is known, never shrinks, and never passes what was accepted. */
function countInput(state: Streaming, inputTokens: bigint): bigint {
  const known = inputTokens > state.inputTokens ? inputTokens : state.inputTokens
  const most = state.acceptance.value.inputTokens
  return known < most ? known : most
}

function amountSent(state: Streaming): PicoEuro {
  return priceTokens(state.order.value, state)
}

function named<Value>(record: Named<Value>): Named<Value> {
  return { cid: record.cid, bytes: record.bytes, value: record.value }
}
