import {
  HanseError,
  type Offer,
  type OfferedModel,
  type OrderReceived,
  type PicoEuro,
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
import type { Admission } from './session-server.ts'

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

  /** @throws {HanseError} the reason for the Rejection */
  async admit(remotePeer: string, ordered: OrderReceived, prompt: Uint8Array): Promise<Admission> {
    const { order, authorization } = ordered
    const { store, now } = this.#options
    if (order.value.consumer !== remotePeer) {
      throw new HanseError(
        'HANSE_FORBIDDEN',
        'the order is signed by another peer than the one connected',
      )
    }
    const { offer, model } = this.#review(order)
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

  #review(order: OrderReceived['order']): { offer: Offer; model: OfferedModel } {
    const {
      context,
      findOffer,
      evidenceLevel,
      isDraining,
      trustedIssuers,
      creditWindowMax,
      now,
      store,
    } = this.#options
    const offer = findOffer(order.value.offer.toString())
    const model = reviewOrder(order.value, {
      now: now(),
      provider: context.signer.peerId,
      offer,
      evidenceLevel: evidenceLevel(),
      replayed: store.hasSession(order.cid.toString()),
      draining: isDraining(),
      trustedIssuers: trustedIssuers(),
      creditWindowMax,
    })
    if (offer === undefined)
      throw new HanseError('HANSE_ORDER_OFFER_UNKNOWN', 'the order cites no current offer')
    return { offer, model }
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
