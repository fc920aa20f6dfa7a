import type { FastifyInstance } from 'fastify'
import {
  deauthorizeAccount,
  endAccount,
  setRequirements,
  setTransfersCapability,
} from './account-changes.ts'
import { Answerer, type SeenRequest } from './answerer.ts'
import { findCheckout } from './checkouts.ts'
import { completeCheckout } from './complete-checkout.ts'
import { controlRoutes } from './control.ts'
import { endDispute, findDispute, openDispute } from './disputes.ts'
import type { FaultPlan } from './fault-plan.ts'
import { Faults } from './faults.ts'
import { hostedPages } from './hosted-pages.ts'
import { move } from './money.ts'
import type { Context } from './operation.ts'
import { operations } from './operations.ts'
import { failPayout } from './payouts.ts'
import { apiServer } from './server.ts'
import type { BankMood, CapabilityStatus, RequirementRecord } from './state.ts'
import { loadState } from './state-file.ts'
import type { Storm } from './storm.ts'
import { notificationOf, World, type WorldOptions } from './world.ts'

export interface StripeDoubleOptions extends WorldOptions {
  readonly host?: string
  readonly port?: number
  /** How long a request stays in flight, for tests of what happens meanwhile. */
  readonly latencyMs?: number
  readonly storm?: Storm
}

export interface StripeDouble extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The last requests, oldest first. */
  readonly requests: readonly SeenRequest[]
  /** Every v1 event that it still has, oldest first. */
  events(): readonly object[]
  /** Milliseconds since the epoch, by the double's clock. */
  now(): number
  /** Moves the double's clock forward: what is due on the way happens, each at its time. */
  advance(ms: number): Promise<void>
  /** Fails one call of an operation; plans are used in order. */
  failNext(plan: FaultPlan): void
  /** Begins random faults; without an argument, ends them. */
  storm(storm?: Storm): void
  /** Tries every queued webhook once. */
  deliverWebhooks(): Promise<{ delivered: number; failed: number }>
  /** From now on each webhook is queued this many times. */
  copyWebhooks(copies: number): void
  /** Queues a past event again. */
  redeliver(eventId: string): Promise<void>
  /** Pays on a checkout's page, as a customer would. */
  completeCheckout(
    checkout: string,
    paymentMethod?: string,
  ): Promise<'complete' | 'declined' | 'over'>
  /** A customer contests a charge; the dispute's id. */
  disputeCharge(charge: string, reason?: string): Promise<string>
  /** What the bank decides, now. */
  decideDispute(dispute: string, outcome: 'won' | 'lost'): Promise<void>
  /** What Stripe does to an account of its own accord; `code` is its reason. */
  setTransfers(account: string, status: CapabilityStatus, code?: string): Promise<void>
  /** What Stripe wants to know of an account now; transfers stop at a deadline (ISO time). */
  requireOf(account: string, requirements: readonly RequirementRecord[]): Promise<void>
  /** What the account's bank does with payouts from now on. */
  setBank(account: string, mood: BankMood): Promise<void>
  /** The bank sends a payout back, now. */
  failPayout(payout: string, code?: string): Promise<void>
  /** Stripe corrects an account's balance: signed cents. It may end below zero. */
  adjustBalance(account: string, cents: number): Promise<void>
  closeAccount(account: string): Promise<void>
  /** The provider leaves the platform. */
  deauthorize(account: string): Promise<void>
  close(): Promise<void>
}

/** Starts an HTTP server that answers the real `stripe` library as Stripe's sandbox does. */
export async function startStripeDouble(options: StripeDoubleOptions): Promise<StripeDouble> {
  const faults = new Faults(options.storm)
  const world = new World(options, await loadState(options.statePath), () => faults.webhookFate())
  const double = new Double(options, world, faults)
  await double.listen()
  return double
}

class Double implements StripeDouble {
  readonly #options: StripeDoubleOptions
  readonly #world: World
  readonly #faults: Faults
  readonly #answerer: Answerer
  readonly #app: FastifyInstance
  #port = 0
  #closed: Promise<void> | undefined

  constructor(options: StripeDoubleOptions, world: World, faults: Faults) {
    this.#options = options
    this.#world = world
    this.#faults = faults
    this.#answerer = new Answerer(world, faults, options.latencyMs ?? 0)
    this.#app = apiServer(this.#answerer)
    hostedPages(this.#app, world)
    controlRoutes(this.#app, this)
  }

  get url(): string {
    return this.#world.baseUrl
  }

  get port(): number {
    return this.#port
  }

  get requests(): readonly SeenRequest[] {
    return this.#answerer.requests
  }

  events(): readonly object[] {
    return [...this.#world.state.events.values()]
  }

  now(): number {
    return this.#world.nowMs()
  }

  async listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0 } = this.#options
    await this.#app.listen({ host, port })
    const address = this.#app.server.address()
    if (typeof address !== 'object' || address === null) throw new Error('No TCP address')
    this.#port = address.port
    this.#world.baseUrl = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
    this.#world.start()
    await this.#world.commit()
  }

  advance(ms: number): Promise<void> {
    return this.#world.advance(ms)
  }

  failNext(plan: FaultPlan): void {
    if (!operations.some(({ name }) => name === plan.operation)) {
      throw new RangeError(`No such operation: ${plan.operation}`)
    }
    this.#faults.add(plan)
  }

  storm(storm?: Storm): void {
    this.#faults.storm(storm)
  }

  deliverWebhooks(): Promise<{ delivered: number; failed: number }> {
    return this.#world.webhooks.deliverAll()
  }

  copyWebhooks(copies: number): void {
    if (!Number.isSafeInteger(copies) || copies < 1) throw new RangeError(`copies: ${copies}`)
    this.#world.webhooks.copies = copies
  }

  async redeliver(eventId: string): Promise<void> {
    const { state, webhooks } = this.#world
    const thin = state.thinEvents.get(eventId)
    const event = thin ?? state.events.get(eventId)
    if (event === undefined) throw new RangeError(`No such event: ${eventId}`)
    webhooks.enqueue(event, JSON.stringify(thin === undefined ? event : notificationOf(thin)))
    await this.#world.commit()
  }

  async completeCheckout(checkout: string, paymentMethod = 'pm_card_visa') {
    const context = this.#world.context()
    const { outcome } = completeCheckout(context, findCheckout(context, checkout), paymentMethod)
    await this.#world.commit()
    return outcome
  }

  async disputeCharge(chargeId: string, reason = 'fraudulent'): Promise<string> {
    let dispute = ''
    await this.#do((context) => {
      const charge = context.state.charges.get(chargeId)
      if (charge === undefined) throw new RangeError(`No such charge: ${chargeId}`)
      dispute = openDispute(context, charge.object, reason).id
    })
    return dispute
  }

  decideDispute(dispute: string, outcome: 'won' | 'lost'): Promise<void> {
    return this.#do((context) => endDispute(context, findDispute(context, dispute), outcome))
  }

  setTransfers(account: string, status: CapabilityStatus, code?: string): Promise<void> {
    return this.#do((context) => setTransfersCapability(context, account, status, code))
  }

  requireOf(account: string, requirements: readonly RequirementRecord[]): Promise<void> {
    return this.#do((context) => setRequirements(context, account, requirements))
  }

  setBank(account: string, mood: BankMood): Promise<void> {
    return this.#do(({ state }) => {
      const record = state.accounts.get(account)
      if (record === undefined) throw new RangeError(`No such account: ${account}`)
      record.bank = mood
      if (mood === 'good') record.payoutsPaused = false
    })
  }

  failPayout(payout: string, code?: string): Promise<void> {
    return this.#do((context) => failPayout(context, payout, code))
  }

  adjustBalance(account: string, cents: number): Promise<void> {
    return this.#do((context) => {
      move(context, {
        account,
        amount: cents,
        type: 'adjustment',
        reportingCategory: 'other_adjustment',
        source: account,
        description: 'Adjustment by Stripe',
      })
    })
  }

  closeAccount(account: string): Promise<void> {
    return this.#do((context) => endAccount(context, account))
  }

  deauthorize(account: string): Promise<void> {
    return this.#do((context) => deauthorizeAccount(context, account))
  }

  /** Something that happens to Stripe from outside. */
  async #do(change: (context: Context) => void): Promise<void> {
    this.#world.catchUp()
    change(this.#world.context())
    await this.#world.commit()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#app.close()
    await this.#world[Symbol.asyncDispose]()
  }
}
