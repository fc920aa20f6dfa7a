import { randomBytes } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import qs from 'qs'
import Stripe from 'stripe'
import { finishOnboarding, setTransfersCapability } from './accounts.ts'
import { expanded } from './expand.ts'
import { invalidRequest, StripeFault } from './fault.ts'
import { type FaultPlan, FaultPlans, storesFailure } from './fault-plan.ts'
import { fingerprintOf, IdempotencyStore, type KeyedRequest } from './idempotency.ts'
import { settlePending } from './money.ts'
import type { Context, Operation } from './operation.ts'
import { operations } from './operations.ts'
import { type CapabilityStatus, platform, type State, type ThinEvent } from './state.ts'
import { loadState, StateFile } from './state-file.ts'
import { WebhookSender, type WebhookTarget } from './webhook-sender.ts'
import {
  type Answer,
  answerOf,
  expandOf,
  faultOfServer,
  headerOf,
  pageText,
  pathOf,
  plannedFailure,
  qsOptions,
  requireKey,
  send,
} from './wire.ts'

export interface StripeDoubleOptions {
  readonly host?: string
  readonly port?: number
  /** Milliseconds since the epoch; `advance` adds to it. */
  readonly now: () => number
  /** The random part of an id. `sequence` is kept with the state and never repeats. */
  readonly randomId?: (sequence: number) => string
  /** Where the state is kept; without it, it is gone at the end. */
  readonly statePath?: string
  readonly webhooks?: readonly WebhookTarget[]
  /** `manual` sends only in `deliverWebhooks`. */
  readonly delivery?: 'auto' | 'manual'
  readonly fetch?: typeof fetch
  /** How long a request stays in flight, for tests of what happens meanwhile. */
  readonly latencyMs?: number
}

export interface SeenRequest {
  readonly operation: string
  readonly method: string
  readonly path: string
  readonly params: unknown
  readonly account: string
  readonly idempotencyKey: string | undefined
  status: number | 'drop'
  /** The JSON text that was answered. */
  body: string
  replayed: boolean
}

export interface StripeDouble extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The last requests, oldest first. */
  readonly requests: readonly SeenRequest[]
  /** Every v1 event that it still has, oldest first. */
  events(): readonly object[]
  /** Moves the double's clock forward: pending money becomes available, keys are forgotten. */
  advance(ms: number): Promise<void>
  /** Fails one call of an operation; plans are used in order. */
  failNext(plan: FaultPlan): void
  /** Tries every queued webhook once. */
  deliverWebhooks(): Promise<{ delivered: number; failed: number }>
  /** From now on each webhook is queued this many times. */
  copyWebhooks(copies: number): void
  /** Queues a past event again. */
  redeliver(eventId: string): Promise<void>
  /** What Stripe does to an account of its own accord. */
  setTransfers(account: string, status: CapabilityStatus): Promise<void>
  close(): Promise<void>
}

// Stripe's largest request here is a few kB; a bigger one is a mistake.
const bodyBytesMax = 256 * 1024
// For tests to look back on; the oldest go first.
const requestsKeptMax = 5_000

/** Starts an HTTP server that answers the real `stripe` library as Stripe's sandbox does. */
export async function startStripeDouble(options: StripeDoubleOptions): Promise<StripeDouble> {
  const double = new Double(options, await loadState(options.statePath))
  await double.listen()
  return double
}

class Double implements StripeDouble {
  readonly requests: SeenRequest[] = []
  readonly #options: StripeDoubleOptions
  readonly #state: State
  readonly #file: StateFile
  readonly #keys: IdempotencyStore
  readonly #plans = new FaultPlans()
  readonly #webhooks: WebhookSender
  readonly #app: FastifyInstance
  #url = ''
  #port = 0
  #closed: Promise<void> | undefined

  constructor(options: StripeDoubleOptions, state: State) {
    this.#options = options
    this.#state = state
    this.#file = new StateFile(state, options.statePath)
    this.#keys = new IdempotencyStore(state)
    this.#webhooks = new WebhookSender({
      state,
      targets: options.webhooks ?? [],
      nowMs: () => this.#nowMs(),
      newId: (prefix) => this.#newId(prefix),
      changed: () => this.#file.save(),
      fetch: options.fetch ?? fetch,
      mode: options.delivery ?? 'auto',
    })
    this.#app = this.#server()
  }

  get url(): string {
    return this.#url
  }

  get port(): number {
    return this.#port
  }

  events(): readonly object[] {
    return [...this.#state.events.values()]
  }

  async listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0 } = this.#options
    await this.#app.listen({ host, port })
    const address = this.#app.server.address()
    if (typeof address !== 'object' || address === null) throw new Error('No TCP address')
    this.#port = address.port
    this.#url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
    this.#webhooks.wake()
  }

  async advance(ms: number): Promise<void> {
    if (!Number.isSafeInteger(ms) || ms < 0) throw new RangeError(`advance: ${ms}`)
    this.#state.clockOffsetMs += ms
    settlePending(this.#state, Math.floor(this.#nowMs() / 1_000))
    await this.#commit()
  }

  failNext(plan: FaultPlan): void {
    if (!operations.some(({ name }) => name === plan.operation)) {
      throw new RangeError(`No such operation: ${plan.operation}`)
    }
    this.#plans.add(plan)
  }

  deliverWebhooks(): Promise<{ delivered: number; failed: number }> {
    return this.#webhooks.deliverAll()
  }

  copyWebhooks(copies: number): void {
    if (!Number.isSafeInteger(copies) || copies < 1) throw new RangeError(`copies: ${copies}`)
    this.#webhooks.copies = copies
  }

  async redeliver(eventId: string): Promise<void> {
    const thin = this.#state.thinEvents.get(eventId)
    const event = thin ?? this.#state.events.get(eventId)
    if (event === undefined) throw new RangeError(`No such event: ${eventId}`)
    this.#webhooks.enqueue(event, JSON.stringify(thin === undefined ? event : notificationOf(thin)))
    await this.#commit()
  }

  async setTransfers(account: string, status: CapabilityStatus): Promise<void> {
    setTransfersCapability(this.#context([], platform), account, status)
    await this.#commit()
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
    await this.#webhooks[Symbol.asyncDispose]()
    await this.#file.save()
  }

  #nowMs(): number {
    return this.#options.now() + this.#state.clockOffsetMs
  }

  #newId(prefix: string): string {
    this.#state.sequence += 1
    const random = this.#options.randomId?.(this.#state.sequence) ?? randomBytes(12).toString('hex')
    return `${prefix}_${random}`
  }

  /** Keeps the changes before anybody hears of them. */
  async #commit(): Promise<void> {
    await this.#file.save()
    this.#webhooks.wake()
  }

  #server(): FastifyInstance {
    const app = Fastify({
      bodyLimit: bodyBytesMax,
      forceCloseConnections: true,
      requestTimeout: 30_000,
      routerOptions: {
        querystringParser: (query) => qs.parse(query, qsOptions),
        maxParamLength: 255,
      },
    })
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      (_request, body, done) => done(null, qs.parse(String(body), qsOptions)),
    )
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
      try {
        done(null, body === '' ? {} : JSON.parse(String(body)))
      } catch {
        done(invalidRequest('Invalid JSON.'))
      }
    })
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('request-id', `req_${randomBytes(8).toString('hex')}`)
    })
    app.setErrorHandler((error, _request, reply) => {
      const fault = error instanceof StripeFault ? error : faultOfServer(error)
      return send(reply, fault.status, JSON.stringify(fault))
    })
    app.setNotFoundHandler((request, reply) => {
      const message = `Unrecognized request URL (${request.method}: ${pathOf(request)}).`
      const fault = new StripeFault(404, 'invalid_request_error', message)
      return send(reply, 404, JSON.stringify(fault))
    })
    for (const operation of operations) {
      app.route({
        method: operation.method,
        url: operation.path,
        handler: (request, reply) => this.#answer(operation, request, reply),
      })
    }
    app.get<{ Params: { link: string } }>('/onboarding/:link', (request, reply) =>
      this.#onboard(request.params.link, reply),
    )
    return app
  }

  async #answer(
    operation: Operation,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    reply.header('stripe-version', request.headers['stripe-version'] ?? Stripe.API_VERSION)
    requireKey(request.headers.authorization)
    const account = this.#accountOf(request)
    const key = headerOf(request, 'idempotency-key')
    const params = (operation.method === 'POST' ? request.body : request.query) ?? {}
    const path = pathOf(request)
    const seen: SeenRequest = {
      operation: operation.name,
      method: operation.method,
      path,
      params,
      account,
      idempotencyKey: key,
      status: 'drop',
      body: '',
      replayed: false,
    }
    this.#remember(seen)
    const keyed: KeyedRequest | undefined =
      key === undefined || operation.method === 'GET'
        ? undefined
        : {
            version: path.startsWith('/v2/') ? 'v2' : 'v1',
            account,
            key,
            fingerprint: fingerprintOf(operation.method, path, params),
          }
    if (keyed !== undefined) reply.header('idempotency-key', keyed.key)
    const answer = await this.#keyedAnswer(operation, keyed, params, this.#idsOf(request), account)
    if (answer === 'drop') {
      reply.hijack()
      request.raw.socket.destroy()
      return reply
    }
    seen.status = answer.status
    seen.body = answer.body
    seen.replayed = answer.replayed
    if (answer.replayed) reply.header('idempotent-replayed', 'true')
    // A kept 500 would be repeated: Stripe tells its library not to try.
    if (answer.status === 500) reply.header('stripe-should-retry', 'false')
    return send(reply, answer.status, answer.body)
  }

  async #keyedAnswer(
    operation: Operation,
    keyed: KeyedRequest | undefined,
    params: unknown,
    ids: readonly string[],
    account: string,
  ): Promise<Answer | 'drop'> {
    try {
      const stored = keyed === undefined ? undefined : this.#keys.begin(keyed, this.#nowMs())
      if (stored !== undefined) return { ...stored, replayed: true }
    } catch (error) {
      return answerOf(error)
    }
    try {
      if (this.#options.latencyMs !== undefined) await wait(this.#options.latencyMs)
      return await this.#run(operation, keyed, params, ids, account)
    } finally {
      if (keyed !== undefined) this.#keys.end(keyed)
    }
  }

  async #run(
    operation: Operation,
    keyed: KeyedRequest | undefined,
    params: unknown,
    ids: readonly string[],
    account: string,
  ): Promise<Answer | 'drop'> {
    let run: ReturnType<Operation['prepare']>
    try {
      run = operation.prepare(params)
    } catch (error) {
      return answerOf(error)
    }
    const plan = this.#plans.take(operation.name)
    const failure = plan && plan.status !== 'drop' ? plannedFailure(plan.status) : undefined
    const keep = (answer: Answer): void => {
      if (keyed !== undefined) this.#keys.store(keyed, answer.status, answer.body, this.#nowMs())
    }
    if (plan?.when === 'before') {
      if (failure === undefined) return 'drop'
      if (storesFailure(plan)) keep(failure)
      await this.#commit()
      return failure
    }
    const context = this.#context(ids, account, keyed?.key)
    settlePending(this.#state, context.nowS)
    const answer = this.#execute(run, context, expandOf(params))
    keep(plan && failure && storesFailure(plan) ? failure : answer)
    await this.#commit()
    if (plan === undefined) return answer
    return failure ?? 'drop'
  }

  #execute(
    run: ReturnType<Operation['prepare']>,
    context: Context,
    paths: readonly string[],
  ): Answer {
    try {
      const body = JSON.stringify(expanded(this.#state, run(context), paths))
      return { status: 200, body, replayed: false }
    } catch (error) {
      return answerOf(error)
    }
  }

  async #onboard(linkId: string, reply: FastifyReply): Promise<FastifyReply> {
    const onboarded = finishOnboarding(this.#context([], platform), linkId)
    await this.#commit()
    if (onboarded.outcome === 'refresh') return reply.redirect(onboarded.refreshUrl, 303)
    if (onboarded.outcome === 'unknown') {
      return reply.code(404).type('text/html; charset=utf-8').send(pageText('No such link'))
    }
    if (onboarded.returnUrl !== undefined) return reply.redirect(onboarded.returnUrl, 303)
    return reply.type('text/html; charset=utf-8').send(pageText('Onboarding finished'))
  }

  #context(ids: readonly string[], account: string, key?: string): Context {
    const nowMs = this.#nowMs()
    const nowS = Math.floor(nowMs / 1_000)
    return {
      state: this.#state,
      ids,
      account,
      nowMs,
      nowS,
      baseUrl: this.#url,
      newId: (prefix) => this.#newId(prefix),
      emit: (type, object) => this.#emit(type, object, nowS, key),
      emitThin: (type, about, data) => this.#emitThin(type, about, nowMs, data),
    }
  }

  #emit(type: string, object: object, nowS: number, key: string | undefined): void {
    const event = {
      id: this.#newId('evt'),
      object: 'event',
      api_version: Stripe.API_VERSION,
      created: nowS,
      data: { object: structuredClone(object) },
      livemode: false,
      pending_webhooks: 0,
      request: { id: null, idempotency_key: key ?? null },
      type,
    }
    event.pending_webhooks = this.#webhooks.enqueue(event, JSON.stringify(event))
    // The library types an event by its name; the double makes them from the name.
    this.#state.events.set(event.id, event as unknown as Stripe.Event)
  }

  #emitThin(type: string, about: string, nowMs: number, data?: Record<string, unknown>): void {
    const event: ThinEvent = {
      id: this.#newId('evt'),
      object: 'v2.core.event',
      type,
      created: new Date(nowMs).toISOString(),
      livemode: false,
      related_object: { id: about, type: 'v2.core.account', url: `/v2/core/accounts/${about}` },
      ...(data !== undefined && { data }),
    }
    this.#state.thinEvents.set(event.id, event)
    this.#webhooks.enqueue(event, JSON.stringify(notificationOf(event)))
  }

  #accountOf(request: FastifyRequest): string {
    const account = headerOf(request, 'stripe-account') ?? headerOf(request, 'stripe-context')
    if (account === undefined || account === platform) return platform
    if (this.#state.accounts.has(account)) return account
    throw new StripeFault(
      403,
      'invalid_request_error',
      `The provided key does not have access to account '${account}' (or that account does not exist).`,
      { code: 'account_invalid' },
    )
  }

  #idsOf(request: FastifyRequest): string[] {
    const params = request.params
    return typeof params === 'object' && params !== null ? Object.values(params).map(String) : []
  }

  #remember(seen: SeenRequest): void {
    this.requests.push(seen)
    if (this.requests.length > requestsKeptMax) this.requests.shift()
  }
}

function notificationOf(event: ThinEvent): object {
  const { data, ...notification } = event
  return data === undefined ? event : notification
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
