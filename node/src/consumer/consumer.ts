import {
  amountOf,
  type Bid,
  commitPrompt,
  ERRORS,
  type ErrorCode,
  HanseError,
  type Match,
  type MatchedOffer,
  matchOffers,
  type OfferedModel,
  type Order,
  order,
  orderCostMax,
  type PicoEuro,
  type Prices,
  picoEuro,
  type Receipt,
  type ResidencyPolicy,
  SESSION_PROTOCOL,
  SESSION_SECRET_BYTES,
  type Signer,
  signRecord,
  smallestWindow,
  summarize,
  type Tokenizer,
} from '@hanse/protocol'
import type { CID } from 'multiformats/cid'
import { EngineError, type ModelTokenizer } from '../engine/index.ts'
import type { Network } from '../network/index.ts'
import type { NodeStore } from '../store/node-store.ts'
import type { Allowance, Authorizer } from './authorizer.ts'
import type { FetchedOffer, OfferDirectory } from './offer-directory.ts'
import { SessionClient, type SessionOutcome } from './session-client.ts'

export interface ConsumerSettings {
  readonly residency: ResidencyPolicy
  readonly maxInputPrice: PicoEuro | undefined
  readonly maxOutputPrice: PicoEuro | undefined
  /** Output tokens between receipts. */
  readonly receiptEvery: bigint
  /** The most to leave un-countersigned with any provider, pico-euro. */
  readonly creditWindowMax: PicoEuro
  readonly deadlineMs: number
  /** Request bodies stay in the store, so that they can be run again. */
  readonly keepRequests: boolean
}

export interface ConsumerOptions {
  readonly networkName: string
  readonly signer: Signer
  readonly network: Network
  readonly store: NodeStore
  readonly directory: OfferDirectory
  readonly authorizer: Authorizer
  readonly settings: ConsumerSettings
  /** Of models that this node has: what providers of just these count is checked token by token. */
  readonly tokenizers?: readonly ModelTokenizer[]
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  readonly onReceipt?: (session: string, receipt: Receipt) => void
  readonly onEnd?: (outcome: SessionOutcome) => void
}

/** An OpenAI chat request, as it came, with what has to be known of it. */
export interface ChatRequest {
  readonly model: string
  /** The request body, JSON bytes. */
  readonly body: Uint8Array
  /** What the client asked for, tokens. */
  readonly maxOutputTokens: number | undefined
}

/** An answer that has begun. */
export interface Answer {
  readonly session: string
  readonly provider: string
  readonly country: string
  readonly model: string
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  /** The engine's own OpenAI chunks. Throws a HanseError when the answer is not whole. */
  readonly payloads: AsyncIterable<readonly Uint8Array[]>
  readonly outcome: Promise<SessionOutcome>
  cancel(): void
}

/** An order is answered within seconds; this leaves room for clocks that differ. */
const ORDER_VALID_MS = 2 * 60_000
/** Chat templates wrap each message in a few tokens. */
const TEMPLATE_TOKENS_MAX = 64
const CONNECT_MS = 5_000
/** Without a highest price, what a quote may ask above the offer: prices follow load and electricity, not whims. */
const QUOTE_RISE_MAX_PERCENT = 10n

/** What a good provider says that has too much to do. */
const BUSY: ReadonlySet<ErrorCode> = new Set([
  'HANSE_CAPACITY',
  'HANSE_DEADLINE_UNREACHABLE',
  'HANSE_CONNECTION_LIMIT',
])

/** A consumer node: finds offers, orders, streams, countersigns. */
export class Consumer {
  readonly #options: ConsumerOptions

  constructor(options: ConsumerOptions) {
    this.#options = options
  }

  /** Which offers of a model (of all, without one) fit the policy, and why the others do not. */
  async match(model?: string): Promise<Match<FetchedOffer>> {
    const { directory } = this.#options
    const offers =
      model === undefined ? await directory.browse() : await directory.find(model, ['*'])
    return this.#match(offers, model)
  }

  /**
   * Asks providers, best first, until one has sent its first token. Nothing leaves for a provider outside the policy.
   *
   * @throws {HanseError} HANSE_MODEL_UNKNOWN, HANSE_NO_PROVIDER, or what the last provider said
   */
  async chat(request: ChatRequest, signal: AbortSignal): Promise<Answer> {
    const { now, settings } = this.#options
    // One deadline for all that are asked: the client waits no longer for the third than for the first.
    const until = now() + settings.deadlineMs
    const candidates = await this.#candidates(request.model)
    let fault: HanseError | undefined
    for (const candidate of candidates) {
      signal.throwIfAborted()
      if (now() >= until) throw new HanseError('HANSE_SESSION_DEADLINE', 'nobody answered in time')
      try {
        return await this.#order(candidate, request, until, signal)
      } catch (error) {
        fault = asHanseError(error)
        this.#learn(candidate.known.offer.provider, fault)
        if (signal.aborted || !ERRORS[fault.code].retry) throw fault
      }
    }
    throw fault ?? new HanseError('HANSE_NO_PROVIDER', `no provider for ${request.model}`)
  }

  async #candidates(model: string): Promise<readonly MatchedOffer<FetchedOffer>[]> {
    const { directory, settings } = this.#options
    const { allow } = settings.residency
    // Only the policy's own regions are looked up; the rest of the world just to explain an empty result.
    const inside = this.#match(
      await directory.find(model, allow.length === 0 ? ['*'] : allow),
      model,
    )
    if (inside.candidates.length > 0) return inside.candidates
    const everywhere = await this.match(model)
    if (everywhere.candidates.length > 0) return everywhere.candidates
    if (everywhere.excluded.length === 0) {
      throw new HanseError('HANSE_MODEL_UNKNOWN', `nobody offers the model ${model.slice(0, 128)}`)
    }
    const why = everywhere.excluded[0]?.reasons[0]
    throw new HanseError(
      'HANSE_NO_PROVIDER',
      `no offer fits: ${summarize(everywhere)}; for one, ${why?.message}: ${why?.change}`,
    )
  }

  #match(offers: readonly FetchedOffer[], model: string | undefined): Match<FetchedOffer> {
    const { settings, now } = this.#options
    const { residency, maxInputPrice, maxOutputPrice } = settings
    return matchOffers(offers, {
      ...(model === undefined ? {} : { model }),
      ...(maxInputPrice === undefined ? {} : { maxInputPrice }),
      ...(maxOutputPrice === undefined ? {} : { maxOutputPrice }),
      residency,
      now: now(),
    })
  }

  async #order(
    { known, model }: MatchedOffer<FetchedOffer>,
    request: ChatRequest,
    until: number,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { network, networkName, signer, store, settings, now, random, onReceipt } = this.#options
    const { offer } = known
    const context = { network: networkName, signer }
    const secret = random(SESSION_SECRET_BYTES)
    const terms = {
      maxInputTokens: BigInt(
        Math.min(request.body.byteLength + TEMPLATE_TOKENS_MAX, model.contextLength),
      ),
      maxOutputTokens: BigInt(
        Math.min(request.maxOutputTokens ?? model.maxOutputTokens, model.maxOutputTokens),
      ),
    }
    let allowance: Allowance | undefined
    /** Signs an order at these prices, under an authorization that covers it. */
    const bid = async ({ inputPrice, outputPrice }: Prices, quote: CID | null): Promise<Bid> => {
      const prices = { inputPrice, outputPrice }
      allowance?.release()
      allowance = undefined
      allowance = await this.#allow(known, orderCostMax({ ...terms, ...prices }))
      const value: Order = {
        ...terms,
        ...prices,
        consumer: signer.peerId,
        provider: offer.provider,
        offer: known.signed.cid,
        model: model.id,
        authorization: allowance?.authorization.cid ?? null,
        residency: { allow: settings.residency.allow, minLevel: settings.residency.minLevel },
        promptCommitment: commitPrompt(secret, request.body),
        receiptEvery: settings.receiptEvery,
        creditWindow: this.#creditWindow(terms.maxInputTokens, prices),
        deadlineMs: Math.max(1, until - now()),
        issuedAt: now(),
        notAfter: now() + ORDER_VALID_MS,
        nonce: random(16),
        quote,
      }
      return {
        order: signRecord(context, order, value, 'consumer', signer),
        authorization: allowance?.authorization ?? null,
        remaining: allowance?.remaining,
      }
    }
    let client: SessionClient
    try {
      const first = await bid(model, null)
      store.putOffer(known.signed, known.signedAttestations)
      store.beginSession('consumer', first.order, first.authorization, now())
      const { frames } = await network
        .openStream([...known.addresses], SESSION_PROTOCOL, {
          signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]),
        })
        .catch((cause: unknown) => {
          store.endSession(first.order.cid.toString(), 'provider-unreachable', now())
          throw new HanseError(
            'HANSE_PROVIDER_UNREACHABLE',
            `provider ${offer.provider} cannot be reached`,
            { cause },
          )
        })
      client = new SessionClient(
        frames,
        { ...first, secret, prompt: request.body, ...this.#tokenizer(model, request.body) },
        {
          context,
          store,
          now,
          onAccepted: (session) =>
            store.putOpening(session, {
              secret,
              request: settings.keepRequests ? request.body : undefined,
            }),
          decide: async ({ quote }) =>
            this.#isAcceptable(quote.value, model) ? await bid(quote.value, quote.cid) : undefined,
          ...(onReceipt === undefined ? {} : { onReceipt }),
        },
      )
    } catch (error) {
      allowance?.release()
      throw error
    }
    void client.outcome.then((outcome) => {
      const { error } = outcome
      allowance?.release()
      this.#options.onEnd?.(outcome)
      if (error !== undefined) this.#learn(offer.provider, error)
    })
    const cancel = () => client.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    void client.outcome.then(() => signal.removeEventListener('abort', cancel))
    if (signal.aborted) cancel()
    await client.started
    const { inputPrice, outputPrice } = client.prices
    return {
      session: client.session,
      provider: offer.provider,
      country: offer.country,
      model: model.id,
      inputPrice,
      outputPrice,
      payloads: client.payloads,
      outcome: client.outcome,
      cancel,
    }
  }

  /** The same file counts the same tokens; what the tokenizer cannot read is left to the provider. */
  #tokenizer({ digest }: OfferedModel, body: Uint8Array): { tokenizer?: Tokenizer } {
    const found = this.#options.tokenizers?.find((tokenizer) => tokenizer.digest === digest)
    if (found === undefined) return {}
    try {
      const inputTokens = found.countInputTokens(body)
      return { tokenizer: { inputTokens, outputTokensMax: (text) => found.outputTokensMax(text) } }
    } catch (error) {
      if (error instanceof EngineError) return {}
      throw error
    }
  }

  /** Up to the highest acceptable price where one is set; else a little above what was offered, never a bait. */
  #isAcceptable(asked: Prices, offered: Prices): boolean {
    const { maxInputPrice, maxOutputPrice } = this.#options.settings
    const risen = (price: PicoEuro) => price + (price * QUOTE_RISE_MAX_PERCENT) / 100n
    return (
      asked.inputPrice <= (maxInputPrice ?? risen(offered.inputPrice)) &&
      asked.outputPrice <= (maxOutputPrice ?? risen(offered.outputPrice))
    )
  }

  async #allow({ offer }: FetchedOffer, cost: PicoEuro): Promise<Allowance | undefined> {
    const { authorizer, settings, now } = this.#options
    if (cost <= offer.unsecuredCredit) return undefined
    return await authorizer.take(
      offer.provider,
      cost,
      offer.minAuthorization,
      now() + settings.deadlineMs,
    )
  }

  /** Two receipts' worth beyond the prompt, so that tokens flow while a countersignature travels. */
  #creditWindow(inputTokens: bigint, { inputPrice, outputPrice }: Prices): PicoEuro {
    const { receiptEvery, creditWindowMax } = this.#options.settings
    const input = amountOf(inputTokens, inputPrice)
    const least = smallestWindow(input, outputPrice)
    const wanted = picoEuro(input + amountOf(2n * receiptEvery, outputPrice))
    const most = wanted < creditWindowMax ? wanted : creditWindowMax
    return picoEuro(most > least ? most : least)
  }

  /** What a failure says about the provider. */
  #learn(provider: string, fault: HanseError): void {
    if (fault.code.startsWith('HANSE_AUTHORIZATION')) this.#options.authorizer.forget(provider)
    // A busy provider is still a good one; any other failure that may not repeat elsewhere makes it prove itself again.
    if (ERRORS[fault.code].retry && !BUSY.has(fault.code)) this.#options.directory.drop(provider)
  }
}

function asHanseError(error: unknown): HanseError {
  if (error instanceof HanseError) return error
  if (error instanceof DOMException && error.name === 'AbortError') {
    return new HanseError('HANSE_SESSION_CANCELLED', 'the client went away', { cause: error })
  }
  return new HanseError('HANSE_INTERNAL', 'the request failed in this node', { cause: error })
}
