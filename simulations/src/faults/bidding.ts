import {
  amountOf,
  type Bid,
  commitPrompt,
  type ErrorCode,
  type Order,
  order,
  orderCostMax,
  type PicoEuro,
  type Prices,
  picoEuro,
  signRecord,
  smallestWindow,
} from '@hanse/protocol'
import type { Host, Random } from '../kernel/index.ts'
import type { Allowance, Authorizer } from './authorizer.ts'
import { CONTEXT, signerNamed } from './cast.ts'
import type { ConsumerTampering } from './cheating-consumer.ts'
import type { FetchedOffer } from './fetched-offer.ts'
import type { ConsumerPlan } from './scenario.ts'

/** An order is answered within seconds; this leaves room for clocks that differ. */
const ORDER_VALID_MS = 2 * 60_000
const TEMPLATE_TOKENS_MAX = 64
const SECRET_BYTES = 32

export interface BiddingOptions {
  readonly host: Host
  readonly plan: ConsumerPlan
  readonly known: FetchedOffer
  readonly prompt: Uint8Array
  readonly maxOutputTokens: number
  readonly authorizer: Authorizer
  readonly tampering: ConsumerTampering
  readonly random: Random
}

/** Signs the orders of one purchase, round by round, each under an authorization that covers it. */
export class Bidding {
  readonly secret: Uint8Array
  readonly #options: BiddingOptions
  readonly #terms: Pick<Order, 'maxInputTokens' | 'maxOutputTokens'>
  #allowance: Allowance | undefined

  constructor(options: BiddingOptions) {
    this.#options = options
    this.secret = options.random.bytes(SECRET_BYTES)
    const { known, prompt, maxOutputTokens } = options
    const { contextLength, maxOutputTokens: offered } = known.model
    this.#terms = {
      maxInputTokens: BigInt(Math.min(prompt.byteLength + TEMPLATE_TOKENS_MAX, contextLength)),
      maxOutputTokens: BigInt(Math.min(maxOutputTokens, offered)),
    }
  }

  bid(prices: Prices, quote: Order['quote'], done: (bid: Bid | ErrorCode) => void): void {
    const { authorizer, known, host, plan } = this.#options
    const { provider, unsecuredCredit, minAuthorization } = known.offer
    this.release()
    const cost = orderCostMax({ ...this.#terms, ...prices })
    if (cost <= unsecuredCredit) {
      done(this.#sign(prices, quote, undefined))
      return
    }
    const until = host.now() + plan.deadlineMs
    authorizer.take(provider, cost, minAuthorization, until, (allowance) => {
      if (typeof allowance === 'string') {
        done(allowance)
        return
      }
      this.#allowance = allowance
      done(this.#sign(prices, quote, allowance))
    })
  }

  /** The session has ended, or another order takes its place. */
  release(): void {
    this.#allowance?.release()
    this.#allowance = undefined
  }

  #sign(prices: Prices, quote: Order['quote'], allowance: Allowance | undefined): Bid {
    const { host, plan, known, prompt, tampering, random } = this.#options
    const signer = signerNamed(plan.name)
    const now = host.now()
    const honest: Order = {
      ...this.#terms,
      ...prices,
      consumer: signer.peerId,
      provider: known.offer.provider,
      offer: known.signed.cid,
      model: known.model.id,
      authorization: allowance?.authorization.cid ?? null,
      residency: plan.residency,
      promptCommitment: commitPrompt(this.secret, prompt),
      receiptEvery: plan.receiptEvery,
      creditWindow: this.#creditWindow(prices),
      deadlineMs: plan.deadlineMs,
      issuedAt: now,
      notAfter: now + ORDER_VALID_MS,
      nonce: random.bytes(16),
      quote,
      continues: null,
    }
    const { value, authorization } = tampering.order(honest, allowance?.authorization ?? null)
    return {
      order: signRecord(CONTEXT, order, value, 'consumer', signer),
      authorization,
      remaining: allowance?.remaining,
    }
  }

  /** Two receipts' worth beyond the prompt. */
  #creditWindow({ inputPrice, outputPrice }: Prices): PicoEuro {
    const { receiptEvery, creditWindowMax } = this.#options.plan
    const input = amountOf(this.#terms.maxInputTokens, inputPrice)
    const least = smallestWindow(input, outputPrice)
    const wanted = picoEuro(input + amountOf(2n * receiptEvery, outputPrice))
    const most = wanted < creditWindowMax ? wanted : creditWindowMax
    return picoEuro(most > least ? most : least)
  }
}
