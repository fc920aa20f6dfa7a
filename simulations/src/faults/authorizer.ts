import {
  authorizationSigners,
  type ErrorCode,
  HanseError,
  openSigned,
  type PeerId,
  type PicoEuro,
  picoEuro,
  spendAuthorization,
} from '@hanse/protocol'
import type { Host } from '../kernel/index.ts'
import { CONTEXT, peer } from './cast.ts'
import type { ConsumerPlan } from './scenario.ts'
import type { SessionStore, SignedAuthorization } from './session-store.ts'
import type { World } from './world.ts'

/** A part of an authorization that one session may spend. */
export interface Allowance {
  readonly authorization: SignedAuthorization
  readonly remaining: PicoEuro
  release(): void
}

interface Held {
  readonly authorization: SignedAuthorization
  reserved: bigint
}

const REQUEST_MS = 10_000

/** Gets authorizations from settlement, one per provider at a time, and shares them out among sessions. */
export class Authorizer {
  readonly #world: World
  readonly #host: Host
  readonly #plan: ConsumerPlan
  readonly #store: SessionStore
  readonly #held = new Map<PeerId, Held>()
  readonly #waiting = new Map<PeerId, ((code: ErrorCode | undefined) => void)[]>()

  constructor(world: World, host: Host, plan: ConsumerPlan, store: SessionStore) {
    this.#world = world
    this.#host = host
    this.#plan = plan
    this.#store = store
  }

  take(
    provider: PeerId,
    cost: PicoEuro,
    atLeast: PicoEuro,
    validUntil: number,
    done: (allowance: Allowance | ErrorCode) => void,
  ): void {
    const held = this.#find(provider, cost, atLeast, validUntil)
    if (held !== undefined) {
      done(this.#reserve(held, cost))
      return
    }
    const again = (code: ErrorCode | undefined) => {
      if (code === undefined) this.take(provider, cost, atLeast, validUntil, done)
      else done(code)
    }
    const waiting = this.#waiting.get(provider)
    if (waiting !== undefined) {
      waiting.push(again)
      return
    }
    this.#waiting.set(provider, [again])
    this.#ask(provider, cost, atLeast)
  }

  /** The provider no longer honours what is held for it. */
  forget(provider: PeerId): void {
    this.#held.delete(provider)
  }

  #find(provider: PeerId, cost: PicoEuro, atLeast: PicoEuro, validUntil: number): Held | undefined {
    const held = this.#held.get(provider) ?? this.#restore(provider, validUntil)
    if (held === undefined) return undefined
    const { limit, notAfter } = held.authorization.value
    return notAfter > validUntil && limit >= atLeast && this.#remaining(held) >= cost
      ? held
      : undefined
  }

  #restore(provider: PeerId, validUntil: number): Held | undefined {
    const authorization = this.#store.authorizationFor(provider, validUntil)
    if (authorization === undefined) return undefined
    const held = { authorization, reserved: 0n }
    this.#held.set(provider, held)
    return held
  }

  #remaining({ authorization, reserved }: Held): PicoEuro {
    if (this.#plan.cheat === 'double-spend') return authorization.value.limit
    const spent = this.#store.spentUnder(authorization.cid.toString())
    return picoEuro(authorization.value.limit - spent - reserved)
  }

  #reserve(held: Held, cost: PicoEuro): Allowance {
    held.reserved += cost
    let open = true
    return {
      authorization: held.authorization,
      remaining: cost,
      release: () => {
        if (open) held.reserved -= cost
        open = false
      },
    }
  }

  #ask(provider: PeerId, cost: PicoEuro, atLeast: PicoEuro): void {
    const { network, settlement } = this.#world
    const { organization, name, authorizationSessions, authorizationMs } = this.#plan
    const some = cost * BigInt(authorizationSessions)
    const amount = picoEuro(some > atLeast ? some : atLeast)
    const request = { organization, consumer: peer(name), provider, amount }
    const server = settlement.host()
    network.call(
      this.#host,
      server,
      () => settlement.authorize(server, { ...request, lifetimeMs: authorizationMs }),
      REQUEST_MS,
      (reply) => {
        const waiting = this.#waiting.get(provider) ?? []
        this.#waiting.delete(provider)
        let code: ErrorCode | undefined
        if (reply === undefined) code = 'HANSE_SETTLEMENT_UNAVAILABLE'
        else if ('code' in reply) code = reply.code
        else code = this.#keep(reply.signed, provider, cost)
        for (const again of waiting) again(code)
      },
    )
  }

  #keep(
    signed: Parameters<typeof openSigned>[2],
    provider: PeerId,
    cost: PicoEuro,
  ): ErrorCode | undefined {
    const opened = openSigned(CONTEXT, spendAuthorization, signed, authorizationSigners)
    const { limit, notAfter } = opened.value
    if (opened.value.provider !== provider || limit < cost || notAfter <= this.#host.now())
      return new HanseError('HANSE_AUTHORIZATION_INVALID', 'another one').code
    this.#host.point()
    this.#store.putAuthorization(opened)
    this.#held.set(provider, { authorization: opened, reserved: 0n })
    this.#world.authorizations.push(opened)
    return undefined
  }
}
