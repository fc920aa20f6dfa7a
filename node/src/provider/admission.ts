import {
  HanseError,
  type Offer,
  type OfferedModel,
  type OrderReceived,
  type PicoEuro,
  type Prices,
  type ProviderContext,
  picoEuro,
  priceTokens,
  reviewAuthorization,
  reviewInput,
  reviewOrder,
  reviewRemaining,
} from '@hanse/protocol'
import type { Engine, EngineRequest } from '../engine/index.ts'
import type { NodeStore } from '../store/node-store.ts'
import type { Capacity } from './capacity.ts'
import { Reservations } from './reservations.ts'
import type { Admission, Ask } from './session-server.ts'

/** A model on offer, and the engine that runs it under its own name. */
export interface ServedModel {
  readonly engine: Engine
  readonly engineModel: string
}

export interface AdmissionOptions {
  readonly context: ProviderContext
  readonly store: NodeStore
  readonly capacity: Capacity
  readonly models: ReadonlyMap<string, ServedModel>
  readonly findOffer: (cid: string) => Offer | undefined
  /** What a model costs now; it may have changed since the offer that an order cites. */
  readonly pricesOf: (model: string) => Prices | undefined
  readonly evidenceLevel: () => number
  readonly isDraining: () => boolean
  readonly trustedIssuers: () => readonly string[]
  readonly creditWindowMax: PicoEuro
  readonly now: () => number
}

/** A slot frees up about this soon; a better guess needs the engine's speed and the queue. */
const RETRY_AFTER_MS = 1_000
/** Chat templates wrap each message in a few tokens. */
const TEMPLATE_TOKENS_MAX = 64

/** Decides which orders this provider takes. */
export class AdmissionDesk {
  readonly #options: AdmissionOptions
  readonly #reservations = new Reservations()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * @returns the admission, or the prices to ask for when only they are wrong
   * @throws {HanseError} the reason for the Rejection
   */
  async admit(
    remotePeer: string,
    ordered: OrderReceived,
    prompt: Uint8Array,
  ): Promise<Admission | Ask> {
    const { order, authorization, rounds } = ordered
    const { store, now } = this.#options
    if (order.value.consumer !== remotePeer) {
      throw new HanseError(
        'HANSE_FORBIDDEN',
        'the order is signed by another peer than the one connected',
      )
    }
    const reviewed = this.#review(ordered)
    if ('ask' in reviewed) return reviewed
    const { offer, model } = reviewed
    const modelId = model.id
    const served = this.#options.models.get(modelId)
    if (served === undefined)
      throw new HanseError('HANSE_MODEL_UNKNOWN', `${modelId} is not served`)
    const request: EngineRequest = {
      kind: 'chat',
      model: served.engineModel,
      body: prompt,
      maxOutputTokens: Number(order.value.maxOutputTokens),
    }
    parseBody(prompt)
    const inputTokens = await boundInput(served.engine, request, model.contextLength)
    reviewInput(order.value, inputTokens)
    const facts = { now: now(), offer, trustedIssuers: this.#options.trustedIssuers() }
    const opened = reviewAuthorization(this.#options.context, order.value, authorization, facts)
    const cost = priceTokens(order.value, {
      inputTokens,
      outputTokens: order.value.maxOutputTokens,
    })

    // From here to the end nothing waits, so no other order can come between the check and the reservation.
    const spentUnder = opened?.cid.toString()
    if (opened !== undefined && spentUnder !== undefined) {
      const spent = picoEuro(store.spentUnder(spentUnder) + this.#reservations.under(spentUnder))
      reviewRemaining(opened.value.limit, spent, cost)
    }
    const giveBack = this.#options.capacity.take(modelId)
    if (giveBack === undefined) {
      throw new HanseError('HANSE_CAPACITY', 'every slot is busy', { retryAfterMs: RETRY_AFTER_MS })
    }
    if (!store.beginSession('provider', order, authorization, now())) {
      giveBack()
      throw new HanseError('HANSE_ORDER_REPLAYED', 'the order was seen before')
    }
    for (const round of rounds) store.putRound(round)
    const unreserve =
      spentUnder === undefined ? undefined : this.#reservations.reserve(spentUnder, cost)
    return {
      inputTokens,
      run: (signal) => served.engine.run(request, signal),
      release: () => {
        giveBack()
        unreserve?.()
      },
    }
  }

  #review({ order, rounds }: OrderReceived): { offer: Offer; model: OfferedModel } | Ask {
    const {
      context,
      findOffer,
      pricesOf,
      evidenceLevel,
      isDraining,
      trustedIssuers,
      creditWindowMax,
      now,
      store,
    } = this.#options
    const offer = findOffer(order.value.offer.toString())
    const facts = {
      now: now(),
      provider: context.signer.peerId,
      offer,
      quote: rounds.at(-1)?.quote.value,
      evidenceLevel: evidenceLevel(),
      replayed: store.hasSession(order.cid.toString()),
      draining: isDraining(),
      trustedIssuers: trustedIssuers(),
      creditWindowMax,
    }
    try {
      const model = reviewOrder(order.value, facts)
      if (offer === undefined) throw new Error('an order was reviewed without its offer')
      return { offer, model }
    } catch (error) {
      const ask = pricesOf(order.value.model)
      const onlyPrices = error instanceof HanseError && error.code === 'HANSE_ORDER_PRICE'
      if (!onlyPrices || ask === undefined) throw error
      return { ask }
    }
  }
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

function parseBody(prompt: Uint8Array): void {
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(prompt))
  } catch (cause) {
    throw new HanseError('HANSE_REQUEST_JSON', 'the prompt is not JSON', { cause })
  }
  if (
    typeof body !== 'object' ||
    body === null ||
    !('messages' in body) ||
    !Array.isArray(body.messages)
  ) {
    throw new HanseError('HANSE_REQUEST_INVALID', 'messages: must be an array')
  }
}
