import {
  HanseError,
  type Named,
  type Offer,
  type OrderReceived,
  offer,
  picoEuro,
  priceTokens,
  reviewAuthorization,
  reviewInput,
  reviewOrder,
  reviewRemaining,
  type SignedRecord,
  signRecord,
} from '@hanse/protocol'
import { Host, type StreamEnd } from '../kernel/index.ts'
import { attestationOf, CONTEXT, ownLevel, SETTLEMENT, signerNamed } from './cast.ts'
import { ProviderTampering } from './cheating-provider.ts'
import { Outbox } from './outbox.ts'
import { type Admission, type Ask, ProviderSession } from './provider-session.ts'
import { Reservations } from './reservations.ts'
import type { ProviderPlan } from './scenario.ts'
import { SessionStore } from './session-store.ts'
import { StatementDesk } from './statement-desk.ts'
import type { World } from './world.ts'

export const MODEL = 'hanse/test-model:q4'
const CONTEXT_LENGTH = 8192
/** Chat templates wrap each message in a few tokens. */
const TEMPLATE_TOKENS_MAX = 64
const OFFER_MS = 30 * 60_000
/** Slots change with every session; offers this fresh are handed out again. */
const OFFER_FRESH_MS = 2_000

export interface OfferAnswer {
  readonly offer: SignedRecord
  readonly attestations: readonly SignedRecord[]
}

/** A provider: what it must remember, and the program that is started again after every crash. */
export class ProviderNode {
  readonly host: Host
  readonly plan: ProviderPlan
  readonly store = new SessionStore()
  #program: ProviderProgram | undefined

  constructor(world: World, plan: ProviderPlan) {
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
      this.#program = new ProviderProgram(world, this.host, plan, this.store)
      this.#program.start()
    })
    for (const { after, kind, downMs } of plan.crashes) this.host.planCrash(after, kind, downMs)
  }

  /** Answers on the offer protocol. */
  offer(): OfferAnswer {
    if (this.#program === undefined) throw new Error(`${this.plan.name} never started`)
    return this.#program.answer()
  }
}

class ProviderProgram {
  readonly #world: World
  readonly #host: Host
  readonly #plan: ProviderPlan
  readonly #store: SessionStore
  readonly #reservations = new Reservations()
  readonly #outbox: Outbox
  readonly #desk: StatementDesk
  readonly #offers = new Map<string, Named<Offer> & SignedRecord>()
  readonly #context: { network: string; signer: ReturnType<typeof signerNamed> }
  #current: (Named<Offer> & SignedRecord) | undefined
  #sequence = 0n
  #freeSlots: number

  constructor(world: World, host: Host, plan: ProviderPlan, store: SessionStore) {
    this.#world = world
    this.#host = host
    this.#plan = plan
    this.#store = store
    this.#outbox = new Outbox(world, host, store, plan.cheat === undefined)
    this.#desk = new StatementDesk(world, host, plan, store, () => this.#outbox.flush())
    this.#context = { ...CONTEXT, signer: signerNamed(plan.name) }
    this.#freeSlots = plan.slots
    this.#sequence = BigInt(host.now())
  }

  start(): void {
    this.#world.network.listen(this.#host, (end, from) => this.#serve(end, from))
    this.#desk.start()
    this.#outbox.flush()
  }

  answer(): OfferAnswer {
    const attestation = attestationOf(this.#plan)
    const now = this.#host.now()
    const fresh = this.#current !== undefined && now - this.#current.value.issuedAt < OFFER_FRESH_MS
    this.#current = fresh ? this.#current : this.#sign(now)
    if (this.#current === undefined) throw new Error('no offer')
    this.#offers.set(this.#current.cid.toString(), this.#current)
    return { offer: this.#current, attestations: attestation === undefined ? [] : [attestation] }
  }

  #sign(now: number): Named<Offer> & SignedRecord {
    const { country, inputPrice, outputPrice, maxOutputTokens, slots } = this.#plan
    const { minAuthorization, unsecuredCredit } = this.#plan
    const attestation = attestationOf(this.#plan)
    this.#sequence++
    const value: Offer = {
      provider: this.#context.signer.peerId,
      sequence: this.#sequence,
      issuedAt: now,
      notAfter: now + OFFER_MS,
      addresses: [],
      country,
      attestations: attestation === undefined ? [] : [attestation.cid],
      gpus: [],
      models: [
        {
          id: MODEL,
          aliases: [],
          digest: null,
          quantization: null,
          contextLength: CONTEXT_LENGTH,
          capabilities: ['chat'],
          inputPrice,
          outputPrice,
          maxOutputTokens,
          slots,
          freeSlots: this.#freeSlots,
          tokensPerSecond: null,
        },
      ],
      minAuthorization,
      unsecuredCredit,
      protocolVersions: ['1.0.0'],
    }
    return signRecord(CONTEXT, offer, value, 'provider', this.#context.signer)
  }

  #serve(end: StreamEnd, from: Host): void {
    const { kernel, monitor } = this.#world
    const tampering = new ProviderTampering(
      this.#plan.cheat,
      this.#context,
      kernel,
      kernel.random.fork(`tampering of ${this.#plan.name} ${kernel.steps}`),
    )
    const session = new ProviderSession(end, {
      host: this.#host,
      plan: this.#plan,
      context: this.#context,
      store: this.#store,
      monitor,
      admit: (ordered, prompt) => this.#admit(from, ordered, prompt),
      tamper: (frame) => tampering.frames(frame, session.state),
      adjust: (state) => tampering.state(state),
      onEnd: () => this.#outbox.flush(),
    })
  }

  /** Node's order of checks: everything is judged, then the order is remembered, then its cost is reserved. */
  #admit(
    from: Host,
    { order, authorization, rounds }: OrderReceived,
    prompt: Uint8Array,
  ): Admission | Ask {
    const plan = this.#plan
    if (order.value.consumer !== signerNamed(from.name).peerId)
      throw new HanseError('HANSE_FORBIDDEN', 'the order is signed by another peer')
    const now = this.#host.now()
    const session = order.cid.toString()
    const cited = this.#offers.get(order.value.offer.toString())?.value
    const facts = {
      now,
      provider: this.#context.signer.peerId,
      offer: cited,
      quote: rounds.at(-1)?.quote.value,
      evidenceLevel: ownLevel(plan),
      replayed: this.#store.hasSession(session),
      draining: false,
      trustedIssuers: [SETTLEMENT.peerId],
      creditWindowMax: plan.creditWindowMax,
    }
    const engine = this.#world.engineFor(prompt)
    const inputTokens = BigInt(
      plan.countsInput
        ? engine.inputTokens
        : Math.min(prompt.byteLength + TEMPLATE_TOKENS_MAX, CONTEXT_LENGTH),
    )
    const cost = priceTokens(order.value, {
      inputTokens,
      outputTokens: order.value.maxOutputTokens,
    })
    const cites = order.value.authorization?.toString()
    if (plan.cheat !== 'ignore-policy') {
      try {
        reviewOrder(order.value, facts)
      } catch (error) {
        if (!(error instanceof HanseError) || error.code !== 'HANSE_ORDER_PRICE') throw error
        return { ask: { inputPrice: plan.inputPrice, outputPrice: plan.outputPrice } }
      }
      if (cited === undefined) throw new HanseError('HANSE_ORDER_OFFER_UNKNOWN', 'no such offer')
      reviewInput(order.value, inputTokens)
      const opened = reviewAuthorization(CONTEXT, order.value, authorization, {
        ...facts,
        offer: cited,
      })
      if (opened !== undefined && cites !== undefined) {
        const spent = picoEuro(this.#store.spentUnder(cites) + this.#reservations.under(cites))
        reviewRemaining(opened.value.limit, spent, cost)
      }
    }
    if (this.#freeSlots === 0) throw new HanseError('HANSE_CAPACITY', 'every slot is busy')
    const attestation = attestationOf(plan) ?? null
    if (!this.#store.beginSession(order, authorization, attestation))
      throw new HanseError('HANSE_ORDER_REPLAYED', 'the order was seen before')
    this.#freeSlots--
    const unreserve = cites === undefined ? undefined : this.#reservations.reserve(cites, cost)
    let open = true
    return {
      inputTokens,
      engine,
      release: () => {
        if (!open) return
        open = false
        this.#freeSlots++
        unreserve?.()
      },
    }
  }
}
