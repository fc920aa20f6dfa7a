import {
  type Bid,
  ERRORS,
  type ErrorCode,
  HanseError,
  matchOffers,
  type Prices,
  picoEuro,
  type Round,
} from '@hanse/protocol'
import { Host, type Random } from '../kernel/index.ts'
import { Authorizer } from './authorizer.ts'
import { Bidding } from './bidding.ts'
import { CONTEXT, SETTLEMENT, signerNamed } from './cast.ts'
import { ConsumerTampering } from './cheating-consumer.ts'
import { ConsumerSession } from './consumer-session.ts'
import { type FetchedOffer, openAnswer } from './fetched-offer.ts'
import { Outbox } from './outbox.ts'
import { MODEL, type OfferAnswer, type ProviderNode } from './provider-node.ts'
import type { ConsumerPlan, TaskPlan } from './scenario.ts'
import { SessionStore } from './session-store.ts'
import { serveStatement } from './statement-desk.ts'
import type { World } from './world.ts'

const FETCH_MS = 5_000
const TRIES_MAX = 4
const RETRY_MS = 300
/** What a quote may ask above the offer. */
const QUOTE_RISE_MAX_PERCENT = 10n

/** A consumer: what it must remember, and the program that is started again after every crash. */
export class ConsumerNode {
  readonly host: Host
  readonly plan: ConsumerPlan
  readonly store = new SessionStore()
  #program: ConsumerProgram | undefined

  constructor(world: World, plan: ConsumerPlan) {
    this.plan = plan
    this.host = new Host(world.kernel, { name: plan.name, clock: plan.clock, epoch: world.epoch })
    const random = world.kernel.random.fork(`crashes of ${plan.name}`)
    this.host.onCrash((kind) => {
      world.monitor.crashed(this.host)
      if (kind === 'power-cut') world.kernel.count('writes lost', this.store.powerCut(random))
    })
    this.host.start(() => {
      if (plan.cheat === undefined) world.monitor.restarts(this.store)
      this.store.endAbandoned()
      this.#program = new ConsumerProgram(world, this.host, plan, this.store)
      this.#program.start()
    })
    for (const { after, kind, downMs } of plan.crashes) this.host.planCrash(after, kind, downMs)
  }

  /** Somebody asks its gateway for an answer; while it is down, nobody does. */
  ask(task: TaskPlan, prompt: Uint8Array, provider: ProviderNode): void {
    this.host.enter(() => this.#program?.ask({ task, prompt, provider, tries: 1 }))
  }
}

/** What somebody asked for, and whose turn it is to answer. */
interface Request {
  readonly task: TaskPlan
  readonly prompt: Uint8Array
  readonly provider: ProviderNode
  readonly tries: number
}

class ConsumerProgram {
  readonly #world: World
  readonly #host: Host
  readonly #plan: ConsumerPlan
  readonly #store: SessionStore
  readonly #authorizer: Authorizer
  readonly #outbox: Outbox
  readonly #random: Random
  readonly #tampering: ConsumerTampering

  constructor(world: World, host: Host, plan: ConsumerPlan, store: SessionStore) {
    this.#world = world
    this.#host = host
    this.#plan = plan
    this.#store = store
    this.#authorizer = new Authorizer(world, host, plan, store)
    this.#outbox = new Outbox(world, host, store, plan.cheat === undefined)
    this.#random = world.kernel.random.fork(`${plan.name} ${host.incarnation}`)
    this.#tampering = new ConsumerTampering(world, host, plan, this.#random.fork('tampering'))
  }

  start(): void {
    const [world, host, plan, store] = [this.#world, this.#host, this.#plan, this.#store]
    world.network.listen(host, (end, from) => {
      serveStatement(world, host, plan, store, end, from)
      this.#outbox.flush()
    })
    this.#outbox.flush()
  }

  ask(request: Request): void {
    const { provider } = request
    this.#world.network.call(
      this.#host,
      provider.host,
      () => provider.offer(),
      FETCH_MS,
      (answer) => {
        if (answer === undefined) this.#gaveUp(request, 'offer out of reach')
        else this.#choose(request, answer)
      },
    )
  }

  #choose(request: Request, answer: OfferAnswer): void {
    let known: FetchedOffer
    try {
      known = openAnswer(answer, signerNamed(request.provider.plan.name).peerId)
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      this.#gaveUp(request, `offer refused: ${error.code}`)
      return
    }
    const { candidates, excluded } = matchOffers([known], {
      model: MODEL,
      residency: { ...this.#plan.residency, trustedAttestors: [SETTLEMENT.peerId] },
      now: this.#host.now(),
    })
    if (candidates.length === 0 && this.#plan.cheat !== 'lax-policy') {
      this.#gaveUp(request, `excluded: ${excluded[0]?.reasons[0]?.code}`)
      return
    }
    this.#order(request, known)
  }

  #order(request: Request, known: FetchedOffer): void {
    const { task, prompt } = request
    const bidding = new Bidding({
      host: this.#host,
      plan: this.#plan,
      known,
      prompt,
      maxOutputTokens: task.maxOutputTokens,
      authorizer: this.#authorizer,
      tampering: this.#tampering,
      random: this.#random,
    })
    const percent = BigInt(task.bidPercent)
    const prices: Prices = {
      inputPrice: picoEuro((known.model.inputPrice * percent) / 100n),
      outputPrice: picoEuro((known.model.outputPrice * percent) / 100n),
    }
    bidding.bid(prices, null, (bid) => {
      if (typeof bid === 'string') this.#gaveUp(request, `no authorization: ${bid}`)
      else this.#open(request, known, bidding, bid)
    })
  }

  #open(request: Request, known: FetchedOffer, bidding: Bidding, bid: Bid): void {
    const { task, prompt, provider } = request
    const session = bid.order.cid.toString()
    const attestation = known.signedAttestations[0] ?? null
    this.#host.point()
    this.#store.beginSession(bid.order, bid.authorization, attestation)
    this.#host.log(`orders ${session.slice(-8)} from ${provider.plan.name}`)
    this.#host.point()
    this.#world.network.connect(this.#host, provider.host, (end) => {
      if (end === undefined) {
        this.#store.endSession(session, 'provider-unreachable')
        bidding.release()
        this.#gaveUp(request, 'provider out of reach')
        return
      }
      const purchase = { ...bid, secret: bidding.secret, prompt }
      const running = new ConsumerSession(end, purchase, {
        host: this.#host,
        plan: this.#plan,
        context: { ...CONTEXT, signer: signerNamed(this.#plan.name) },
        store: this.#store,
        monitor: this.#world.monitor,
        attestation,
        decide: (round, done) => this.#decide(task, known, bidding, round, done),
        tamper: this.#tampering.session(provider),
        onEnd: (error) => {
          bidding.release()
          this.#ended(provider, error?.code)
          if (error !== undefined && ERRORS[error.code].retry) this.#again(request)
        },
      })
      this.#world.kernel.count('sessions')
      if (task.cancelAfterMs !== undefined)
        this.#host.after(task.cancelAfterMs, () => running.cancel())
    })
  }

  /** Pays what is asked, up to a little above the offer; some haggle first. */
  #decide(
    task: TaskPlan,
    known: FetchedOffer,
    bidding: Bidding,
    { order, quote }: Round,
    done: (bid: Bid | ErrorCode | undefined) => void,
  ): void {
    const asked = quote.value
    const risen = (price: bigint) => price + (price * QUOTE_RISE_MAX_PERCENT) / 100n
    const { inputPrice, outputPrice } = known.model
    this.#world.kernel.count('quotes')
    if (asked.inputPrice > risen(inputPrice) || asked.outputPrice > risen(outputPrice)) {
      done(undefined)
      return
    }
    const middle = picoEuro((order.value.outputPrice + asked.outputPrice) / 2n)
    const prices: Prices = {
      inputPrice: asked.inputPrice,
      outputPrice: asked.round <= task.haggles ? middle : asked.outputPrice,
    }
    bidding.bid(prices, quote.cid, done)
  }

  #ended(provider: ProviderNode, code: ErrorCode | undefined): void {
    if (code?.startsWith('HANSE_AUTHORIZATION') === true)
      this.#authorizer.forget(signerNamed(provider.plan.name).peerId)
    this.#outbox.flush()
  }

  #gaveUp(request: Request, why: string): void {
    this.#host.log(`gives up: ${why}`)
    this.#world.kernel.count(`consumer gives up: ${why}`)
    this.#again(request)
  }

  /** The next provider's turn. */
  #again({ task, prompt, provider, tries }: Request): void {
    const { providers } = this.#world
    if (tries >= TRIES_MAX) return
    const next = providers[(providers.indexOf(provider) + 1) % providers.length] ?? provider
    this.#host.after(RETRY_MS, () => this.ask({ task, prompt, provider: next, tries: tries + 1 }))
  }
}
