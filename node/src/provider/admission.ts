import {
  findModel,
  HanseError,
  isAtQuote,
  type Named,
  type Offer,
  type OfferedModel,
  type Order,
  type OrderReceived,
  type OwnPlace,
  type PicoEuro,
  type Prices,
  type ProviderContext,
  picoEuro,
  priceTokens,
  type Residency,
  reviewAuthorization,
  reviewInput,
  reviewOrder,
  reviewRemaining,
  reviewResidency,
  type SignedRecord,
  type SpendAuthorization,
  spendAuthorization,
} from '@hanse/protocol'
import type { Engine, EngineRequest } from '../engine/index.ts'
import { isDiskFault } from '../store/database.ts'
import type { NodeStore } from '../store/node-store.ts'
import { payersOf } from '../store/payer-store.ts'
import { meteredRun } from './metered-run.ts'
import { assertOffered, reviewRequest } from './request-kind.ts'
import { Reservations } from './reservations.ts'
import { ByteBudget } from './scheduling/byte-budget.ts'
import type { Lease, Scheduler } from './scheduling/scheduler.ts'
import type { Admission, Ask } from './session-server.ts'

/** A model on offer, and the engine that runs it under its own name. */
export interface ServedModel {
  readonly engine: Engine
  readonly engineModel: string
  /** Names the engine and the weights when requests with fixed choices give the same bytes again. */
  readonly reproducible?: { readonly engine: string; readonly digest: string } | undefined
}

export interface AdmissionOptions {
  readonly context: ProviderContext
  readonly store: NodeStore
  readonly scheduler: Scheduler
  readonly models: ReadonlyMap<string, ServedModel>
  readonly findOffer: (cid: string) => Offer | undefined
  /** What to ask of an order that cites an offer with these prices: they may have changed since. */
  readonly pricesOf: (model: string, offered: Prices) => Prices | undefined
  /** Set while no orders are taken; `reopensInMs` where that is known. */
  readonly paused?: () => { readonly reopensInMs: number | undefined } | undefined
  /** What this node can show of where it is, as of now. */
  readonly place: () => OwnPlace
  /** An order asks for another place than this. */
  readonly onMisplaced?: (order: Order, error: HanseError) => void
  readonly isDraining: () => boolean
  readonly trustedIssuers: () => readonly string[]
  readonly creditWindowMax: PicoEuro
  /** An order came under an authorization that is honoured. */
  readonly onAuthorized?: (authorization: Named<SpendAuthorization>) => void
  readonly now: () => number
}

/** When a pause has no known end, its consumers ask again about this often. */
const PAUSED_RETRY_MS = 60_000
/** Later than in an hour a consumer looks at the market anew anyway. */
const PAUSED_RETRY_MAX_MS = 60 * 60_000
/** Of prompts that wait for their slot: sixteen of the largest, or a quarter million chat requests. */
const PROMPT_BYTES_WAITING_MAX = 256 << 20
/** Of one peer: it may open many streams at once, and must not take what all share. */
const PROMPT_BYTES_WAITING_EACH_MAX = PROMPT_BYTES_WAITING_MAX / 4
/** Prompts leave this queue as fast as engines count their tokens. */
const PROMPTS_RETRY_MS = 1_000
/** Chat templates wrap each message in a few tokens. */
const TEMPLATE_TOKENS_MAX = 64

/** Decides which orders this provider takes. */
export class AdmissionDesk {
  readonly #options: AdmissionOptions
  readonly #reservations = new Reservations()
  readonly #waiting = new ByteBudget(PROMPT_BYTES_WAITING_MAX, PROMPT_BYTES_WAITING_EACH_MAX)

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * Looks at an order before its prompt is taken: whether this node may see that at all.
   *
   * @throws {HanseError} HANSE_POLICY_RESIDENCY
   */
  screen({ order, authorization }: Pick<OrderReceived, 'order' | 'authorization'>): void {
    const { place, onMisplaced } = this.#options
    try {
      reviewResidency(order.value.residency, place())
      const payers = residencyIn(authorization)
      if (payers !== undefined) reviewResidency(payers, place(), 'the authorization')
    } catch (error) {
      if (error instanceof HanseError) onMisplaced?.(order.value, error)
      throw error
    }
  }

  /**
   * Waits for a slot where there is none; leaves the queue when `signal` is aborted.
   *
   * @returns the admission, or the prices to ask for when only they are wrong
   * @throws {HanseError} the reason for the Rejection
   */
  async admit(
    remotePeer: string,
    ordered: OrderReceived,
    prompt: Uint8Array,
    signal: AbortSignal,
  ): Promise<Admission | Ask> {
    const { order } = ordered
    if (order.value.consumer !== remotePeer) {
      throw new HanseError(
        'HANSE_FORBIDDEN',
        'the order is signed by another peer than the one connected',
      )
    }
    this.#assertOpen()
    const reviewed = this.#review(ordered)
    if ('ask' in reviewed) return reviewed
    const giveBack = this.#hold(remotePeer, prompt)
    try {
      return await this.#seat(ordered, prompt, reviewed, signal)
    } finally {
      giveBack()
    }
  }

  async #seat(
    ordered: OrderReceived,
    prompt: Uint8Array,
    { offer, model }: Reviewed,
    signal: AbortSignal,
  ): Promise<Admission> {
    const { order } = ordered
    const { scheduler, models, now } = this.#options
    const served = models.get(model.id)
    if (served === undefined)
      throw new HanseError('HANSE_MODEL_UNKNOWN', `${model.id} is not served`)
    const kind = reviewRequest(prompt)
    assertOffered(model, kind)
    const request: EngineRequest = {
      kind,
      model: served.engineModel,
      body: prompt,
      customer: order.value.consumer,
      maxOutputTokens: kind === 'embedding' ? 0 : Number(order.value.maxOutputTokens),
    }
    const inputTokens = await boundInput(served.engine, request, model.contextLength)
    reviewInput(order.value, inputTokens)
    const facts = () => ({
      ...this.#options.place(),
      now: now(),
      offer,
      trustedIssuers: this.#options.trustedIssuers(),
    })
    // Looked at before the wait, so that nobody waits in vain, and after it, when it counts.
    const authorize = () => this.#authorize(ordered, facts())
    const cost = priceTokens(order.value, {
      inputTokens,
      outputTokens: order.value.maxOutputTokens,
    })
    const payers = payersOf(order.value.consumer, this.#reviewSpent(authorize(), cost)?.value)
    this.#reviewPayers(payers, cost)
    const lease = await scheduler.acquire(
      {
        model: model.id,
        consumer: order.value.consumer,
        authorized: order.value.authorization !== null,
        inputTokens: Number(inputTokens),
        maxOutputTokens: request.maxOutputTokens,
        deadlineMs: order.value.deadlineMs,
      },
      signal,
    )
    try {
      // From here until it is reserved nothing waits, so no other order can come between the checks and what they allow.
      if (signal.aborted) throw new HanseError('HANSE_SESSION_CANCELLED', 'the consumer is gone')
      this.#assertOpen()
      this.#reviewOrder(ordered, offer)
      const opened = this.#reviewSpent(authorize(), cost)
      const prepaid = this.#reviewPayers(payers, cost)
      const seat = { inputTokens, cost, request, served, lease, opened, payers, prepaid }
      return await this.#begin(ordered, seat)
    } catch (error) {
      lease.release()
      throw error
    }
  }

  /** What running sessions may still spend under an authorization, on top of what receipts already say. */
  reservedUnder(authorization: string): PicoEuro {
    return this.#reservations.under(authorization)
  }

  /** @throws {HanseError} HANSE_AUTHORIZATION_*; expired too when it is at its end before its time */
  #authorize(
    { order, authorization }: OrderReceived,
    facts: Parameters<typeof reviewAuthorization>[3],
  ): Named<SpendAuthorization> | undefined {
    const { context, store, onAuthorized } = this.#options
    const opened = reviewAuthorization(context, order.value, authorization, facts)
    if (opened === undefined) return undefined
    const { issuer, serial } = opened.value
    if (store.ends.isRevoked(issuer, serial))
      throw new HanseError('HANSE_AUTHORIZATION_EXPIRED', 'the authorization was revoked')
    if (store.ends.isReleased(opened.cid.toString()))
      throw new HanseError(
        'HANSE_AUTHORIZATION_EXPIRED',
        'what was left of the authorization was given back',
      )
    onAuthorized?.(opened)
    return opened
  }

  /** Writes the session down and reserves what it may cost. */
  async #begin(
    { order, authorization, rounds }: OrderReceived,
    { inputTokens, cost, request, served, lease, opened, payers, prepaid }: Seat,
  ): Promise<Admission> {
    const { store, now } = this.#options
    const unreserve =
      opened === undefined ? undefined : this.#reservations.reserve(opened.cid.toString(), cost)
    try {
      if (!store.beginSession('provider', order, authorization, now()))
        throw new HanseError('HANSE_ORDER_REPLAYED', 'the order was seen before')
      for (const round of rounds) store.putRound(round)
      await store.committed()
    } catch (cause) {
      unreserve?.()
      if (!isDiskFault(cause)) throw cause
      throw new HanseError('HANSE_PROVIDER_PAUSED', 'the provider cannot write down orders now', {
        retryAfterMs: PAUSED_RETRY_MS,
        cause,
      })
    }
    return {
      inputTokens,
      payers,
      prepaid,
      kind: request.kind,
      reproducible: served.reproducible ?? null,
      run: (signal, fixed) =>
        meteredRun(
          served.engine.run(fixed === undefined ? request : { ...request, fixed }, signal),
          lease,
          now,
        ),
      release: () => {
        lease.release()
        unreserve?.()
      },
    }
  }

  #assertOpen(): void {
    const pause = this.#options.paused?.()
    if (pause === undefined) return
    const retryAfterMs = Math.min(pause.reopensInMs ?? PAUSED_RETRY_MS, PAUSED_RETRY_MAX_MS)
    throw new HanseError('HANSE_PROVIDER_PAUSED', 'the provider takes no orders now', {
      retryAfterMs,
    })
  }

  /** @returns how to give the bytes back */
  #hold(remotePeer: string, prompt: Uint8Array): () => void {
    const held = this.#waiting.take(remotePeer, prompt.byteLength)
    if (typeof held === 'function') return held
    const retryAfterMs = PROMPTS_RETRY_MS
    if (held === 'each') {
      const message = 'too many bytes of prompts of this peer are waiting'
      throw new HanseError('HANSE_CONNECTION_LIMIT', message, { retryAfterMs })
    }
    const message = 'too many bytes of prompts are waiting'
    throw new HanseError('HANSE_CAPACITY', message, { retryAfterMs })
  }

  /** Whether the authorization still covers `cost`, beside all that runs under it. @throws {HanseError} */
  #reviewSpent(
    opened: Named<SpendAuthorization> | undefined,
    cost: PicoEuro,
  ): Named<SpendAuthorization> | undefined {
    if (opened === undefined) return undefined
    const under = opened.cid.toString()
    const spent = picoEuro(this.#options.store.spentUnder(under) + this.#reservations.under(under))
    reviewRemaining(opened.value.limit, spent, cost)
    return opened
  }

  /**
   * What is remembered of who pays. An authorization says that there is money, not that receipts are countersigned.
   *
   * @returns whether the prompt is to be paid for before a token is sent
   * @throws {HanseError} HANSE_PAYMENT_OVERDUE
   */
  #reviewPayers(payers: readonly string[], cost: PicoEuro): boolean {
    if (cost === 0n) return false
    const { store, now } = this.#options
    const standing = store.payers.standing(payers, now())
    if (standing.type !== 'refused') return standing.type === 'prepaid'
    const message = 'answers of this provider were left unpaid, again and again'
    throw new HanseError('HANSE_PAYMENT_OVERDUE', message, { retryAfterMs: standing.retryAfterMs })
  }

  #review(ordered: OrderReceived): Reviewed | Ask {
    const { findOffer, pricesOf } = this.#options
    const { order, rounds } = ordered
    const offer = findOffer(order.value.offer.toString())
    const offered = offer === undefined ? undefined : findModel(offer, order.value.model)
    const asked = offered === undefined ? undefined : pricesOf(offered.id, offered)
    try {
      const model = this.#reviewOrder(ordered, offer)
      if (offer === undefined) throw new Error('an order was reviewed without its offer')
      // A quote is good while it is valid; an offer only as long as its prices hold.
      const holds = rounds.length > 0 || asked === undefined || isAtQuote(order.value, asked)
      return holds ? { offer, model } : { ask: asked }
    } catch (error) {
      const onlyPrices = error instanceof HanseError && error.code === 'HANSE_ORDER_PRICE'
      if (!onlyPrices || asked === undefined) throw error
      return { ask: asked }
    }
  }

  #reviewOrder({ order, rounds }: OrderReceived, offer: Offer | undefined): OfferedModel {
    const { context, place, isDraining, trustedIssuers, creditWindowMax, now, store } =
      this.#options
    return reviewOrder(order.value, {
      ...place(),
      now: now(),
      provider: context.signer.peerId,
      offer,
      quote: rounds.at(-1)?.quote.value,
      replayed: store.hasSession(order.cid.toString()),
      draining: isDraining(),
      trustedIssuers: trustedIssuers(),
      creditWindowMax,
    })
  }
}

/** What the payer asks for, as far as it can be read: whose word that is, and whether it is one, is looked at later. */
function residencyIn(authorization: SignedRecord | null): Residency | undefined {
  if (authorization === null) return undefined
  try {
    return spendAuthorization.decode(authorization.bytes).residency
  } catch {
    return undefined
  }
}

interface Reviewed {
  readonly offer: Offer
  readonly model: OfferedModel
}

/** An order that has its slot. */
interface Seat {
  readonly inputTokens: bigint
  readonly cost: PicoEuro
  readonly request: EngineRequest
  readonly served: ServedModel
  readonly lease: Lease
  readonly opened: Named<SpendAuthorization> | undefined
  readonly payers: readonly string[]
  readonly prepaid: boolean
}

/**
 * Exact where the engine has the tokenizer; else a token is at least one byte, and never more than the context holds.
 *
 * @throws {HanseError} HANSE_CONTEXT_LENGTH
 */
async function boundInput(
  engine: Engine,
  request: EngineRequest,
  contextLength: number,
): Promise<bigint> {
  if (engine.countInputTokens === undefined) {
    return BigInt(Math.min(request.body.byteLength + TEMPLATE_TOKENS_MAX, contextLength))
  }
  const tokens = await engine.countInputTokens(request)
  if (tokens >= contextLength) {
    throw new HanseError(
      'HANSE_CONTEXT_LENGTH',
      `${tokens} input tokens, the model’s context is ${contextLength}`,
    )
  }
  return BigInt(tokens)
}
