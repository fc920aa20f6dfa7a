import type { FastifyReply, FastifyRequest } from 'fastify'
import Stripe from 'stripe'
import { expanded } from './expand.ts'
import { StripeFault } from './fault.ts'
import { type FaultPlan, storesFailure } from './fault-plan.ts'
import type { Faults } from './faults.ts'
import { fingerprintOf, IdempotencyStore, type KeyedRequest } from './idempotency.ts'
import type { Context, Operation } from './operation.ts'
import { platform } from './state.ts'
import {
  type Answer,
  answerOf,
  expandOf,
  headerOf,
  pathOf,
  plannedFailure,
  requireKey,
  send,
} from './wire.ts'
import type { World } from './world.ts'

export interface SeenRequest {
  readonly operation: string
  readonly method: string
  readonly path: string
  readonly params: unknown
  readonly account: string
  readonly idempotencyKey: string | undefined
  /** `drop`: nothing was answered. */
  status: number | 'drop'
  /** The JSON text that was answered. */
  body: string
  replayed: boolean
}

interface Request {
  readonly operation: Operation
  readonly params: unknown
  readonly ids: readonly string[]
  readonly account: string
  readonly keyed: KeyedRequest | undefined
}

type Lost = 'drop' | 'hang'

// For tests to look back on; the oldest go first.
const requestsKeptMax = 5_000

/** Answers one request as Stripe does: keys, faults, the operation, and what was seen of it. */
export class Answerer {
  readonly requests: SeenRequest[] = []
  readonly #world: World
  readonly #faults: Faults
  readonly #keys: IdempotencyStore
  readonly #latencyMs: number

  constructor(world: World, faults: Faults, latencyMs: number) {
    this.#world = world
    this.#faults = faults
    this.#latencyMs = latencyMs
    this.#keys = new IdempotencyStore(world.state)
  }

  async answer(
    operation: Operation,
    http: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    reply.header('stripe-version', http.headers['stripe-version'] ?? Stripe.API_VERSION)
    requireKey(http.headers.authorization)
    const request = this.#requestOf(operation, http)
    const seen = this.#remember(request, http)
    if (request.keyed !== undefined) reply.header('idempotency-key', request.keyed.key)
    const plan = this.#faults.take(operation.name)
    const answer = await this.#keyedAnswer(request, plan)
    if (answer === 'drop' || answer === 'hang') {
      reply.hijack()
      // A caller that hears nothing gives up by itself.
      if (answer === 'drop') http.raw.socket.destroy()
      return reply
    }
    seen.status = answer.status
    seen.body = answer.body
    seen.replayed = answer.replayed
    if (answer.replayed) reply.header('idempotent-replayed', 'true')
    if (plan?.retryAfterS !== undefined) reply.header('retry-after', String(plan.retryAfterS))
    // A kept 500 would be repeated: Stripe tells its library not to try.
    if (answer.status === 500) reply.header('stripe-should-retry', 'false')
    return send(reply, answer.status, answer.body)
  }

  #requestOf(operation: Operation, http: FastifyRequest): Request {
    const { method } = operation
    const params = (method === 'GET' ? http.query : http.body) ?? {}
    const path = pathOf(http)
    const account = this.#accountOf(http)
    const key = headerOf(http, 'idempotency-key')
    const keyed: KeyedRequest | undefined =
      key === undefined || method === 'GET'
        ? undefined
        : {
            version: path.startsWith('/v2/') ? 'v2' : 'v1',
            account,
            key,
            fingerprint: fingerprintOf(method, path, params),
          }
    return { operation, params, ids: idsOf(http), account, keyed }
  }

  #accountOf(http: FastifyRequest): string {
    const account = headerOf(http, 'stripe-account') ?? headerOf(http, 'stripe-context')
    if (account === undefined || account === platform) return platform
    const record = this.#world.state.accounts.get(account)
    if (record !== undefined && !record.deauthorized) return account
    throw new StripeFault(
      403,
      'invalid_request_error',
      `The provided key does not have access to account '${account}' (or that account does not exist).`,
      { code: 'account_invalid' },
    )
  }

  async #keyedAnswer(request: Request, plan: FaultPlan | undefined): Promise<Answer | Lost> {
    const { keyed } = request
    try {
      const stored = keyed === undefined ? undefined : this.#keys.begin(keyed, this.#world.nowMs())
      if (stored !== undefined) return { ...stored, replayed: true }
    } catch (error) {
      return answerOf(error)
    }
    try {
      const waitMs = this.#latencyMs + (plan?.delayMs ?? 0)
      if (waitMs > 0) await wait(waitMs)
      return await this.#run(request, plan)
    } finally {
      if (keyed !== undefined) this.#keys.end(keyed)
    }
  }

  async #run(request: Request, plan: FaultPlan | undefined): Promise<Answer | Lost> {
    const { operation, params, keyed } = request
    let run: ReturnType<Operation['prepare']>
    try {
      run = operation.prepare(params)
    } catch (error) {
      return answerOf(error)
    }
    const failure = plan && failureOf(plan)
    if (plan?.when === 'before' && failure !== undefined) {
      if (typeof failure === 'string') return failure
      if (storesFailure(plan)) this.#keep(keyed, failure)
      await this.#world.commit()
      return failure
    }
    this.#world.catchUp()
    const { ids, account } = request
    const context = this.#world.context({ ids, account, key: keyed?.key })
    const answer = this.#execute(run, context, expandOf(params))
    const stored = plan && typeof failure === 'object' && storesFailure(plan) ? failure : answer
    this.#keep(keyed, stored)
    await this.#world.commit()
    return failure ?? answer
  }

  #keep(keyed: KeyedRequest | undefined, { status, body }: Answer): void {
    if (keyed !== undefined) this.#keys.store(keyed, status, body, this.#world.nowMs())
  }

  #execute(
    run: ReturnType<Operation['prepare']>,
    context: Context,
    paths: readonly string[],
  ): Answer {
    try {
      const body = JSON.stringify(expanded(context.state, run(context), paths))
      return { status: 200, body, replayed: false }
    } catch (error) {
      return answerOf(error)
    }
  }

  #remember({ operation, params, account, keyed }: Request, http: FastifyRequest): SeenRequest {
    const seen: SeenRequest = {
      operation: operation.name,
      method: operation.method,
      path: pathOf(http),
      params,
      account,
      idempotencyKey: keyed?.key,
      status: 'drop',
      body: '',
      replayed: false,
    }
    this.requests.push(seen)
    if (this.requests.length > requestsKeptMax) this.requests.shift()
    return seen
  }
}

/** What is answered in place of the true answer; nothing when the plan is only to be slow. */
function failureOf({ status }: FaultPlan): Answer | Lost | undefined {
  if (status === 'drop' || status === 'hang') return status
  return status === 'slow' ? undefined : plannedFailure(status)
}

function idsOf({ params }: FastifyRequest): string[] {
  return typeof params === 'object' && params !== null ? Object.values(params).map(String) : []
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
