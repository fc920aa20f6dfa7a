import {
  authorizationSigners,
  cidOf,
  HanseError,
  type Named,
  openSigned,
  type PicoEuro,
  picoEuro,
  type SignedRecord,
  type SigningContext,
  type SpendAuthorization,
  spendAuthorization,
} from '@hanse/protocol'
import type { ConsumerStore } from './store.ts'

/** Who puts holds on the organization's balance. */
export interface AuthorizationSource {
  /** @throws {HanseError} HANSE_BALANCE_INSUFFICIENT, HANSE_SETTLEMENT_UNAVAILABLE */
  requestAuthorization(provider: string, amount: PicoEuro): Promise<SignedRecord>
}

/** A part of an authorization that one session may spend. */
export interface Allowance {
  readonly authorization: Named<SpendAuthorization> & SignedRecord
  /** What the authorization covers for this session, pico-euro. */
  readonly remaining: PicoEuro
  /** The session has ended: what its receipts did not use is free again. */
  release(): void
}

export interface AuthorizerOptions {
  readonly context: SigningContext
  readonly store: ConsumerStore
  readonly source: AuthorizationSource | undefined
  /** What to ask for at a time, pico-euro: larger means fewer requests and more money held. */
  readonly amount: PicoEuro
  readonly now: () => number
}

/** Some 100 bytes each; what is forgotten is refused once more. */
const REFUSED_MAX = 10_000

const SHORT: ReadonlySet<string> = new Set([
  'HANSE_BUDGET_EXHAUSTED',
  'HANSE_BUDGET_RESERVED',
  'HANSE_BALANCE_INSUFFICIENT',
])

/** Holds come free when their authorizations end, an hour later as a rule: few are held at once that nobody uses. */
const NEW_MS = 10 * 60_000

interface Held {
  readonly authorization: Named<SpendAuthorization> & SignedRecord
  reserved: bigint
}

/** Gets authorizations from settlement, one per provider at a time, and shares them out among sessions. */
export class Authorizer {
  readonly #options: AuthorizerOptions
  readonly #held = new Map<string, Held>()
  readonly #asking = new Map<string, Promise<void>>()
  /** Revoked, or given back by the provider: their CIDs. */
  readonly #refused = new Set<string>()

  constructor(options: AuthorizerOptions) {
    this.#options = options
  }

  /**
   * Takes `cost` out of an authorization for `provider`, asking settlement for a new one when what is held does not do.
   *
   * @param atLeast the smallest limit that the provider looks at, pico-euro
   * @throws {HanseError} HANSE_AUTHORIZATION_REQUIRED without a settlement service; its refusals
   */
  async take(
    provider: string,
    cost: PicoEuro,
    atLeast: PicoEuro,
    validUntil: number,
  ): Promise<Allowance> {
    for (;;) {
      const held = this.#find(provider, cost, atLeast, validUntil)
      if (held !== undefined) return this.#reserve(held, cost)
      // One request at a time for a provider: the next session probably fits in the same authorization.
      const asking = this.#asking.get(provider)
      if (asking !== undefined) {
        await asking
        continue
      }
      const request = this.#ask(provider, cost, atLeast).finally(() =>
        this.#asking.delete(provider),
      )
      this.#asking.set(provider, request)
      await request
    }
  }

  /**
   * The provider says that it takes no orders under an authorization any more.
   *
   * @returns whether the next order gets another one: not when it is new and nothing was ever bought with it, or a provider
   *   could have money held again and again
   */
  refused({ cid, value }: Named<SpendAuthorization>): boolean {
    const authorization = cid.toString()
    const { store, now } = this.#options
    const isNew = now() - value.issuedAt < NEW_MS && store.spentUnder(authorization) === 0n
    if (isNew) return false
    if (this.#refused.size >= REFUSED_MAX) this.#refused.clear()
    this.#refused.add(authorization)
    const held = this.#held.get(value.provider)
    if (held?.authorization.cid.equals(cid) === true) this.#held.delete(value.provider)
    return true
  }

  #find(provider: string, cost: PicoEuro, atLeast: PicoEuro, validUntil: number): Held | undefined {
    const held = this.#held.get(provider) ?? this.#restore(provider, validUntil)
    if (held === undefined) return undefined
    const { limit, notAfter } = held.authorization.value
    return notAfter > validUntil && limit >= atLeast && this.#remaining(held) >= cost
      ? held
      : undefined
  }

  /** After a restart, holds that are still good are used up before new ones are asked for. */
  #restore(provider: string, validUntil: number): Held | undefined {
    const { store, context } = this.#options
    const signed = store
      .authorizations(provider, validUntil)
      .find(({ bytes }) => !this.#refused.has(cidOf(bytes).toString()))
    if (signed === undefined) return undefined
    const authorization = openSigned(context, spendAuthorization, signed, authorizationSigners)
    const held = { authorization, reserved: 0n }
    this.#held.set(provider, held)
    return held
  }

  #remaining({ authorization, reserved }: Held): PicoEuro {
    const spent = this.#options.store.spentUnder(authorization.cid.toString())
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

  async #ask(provider: string, cost: PicoEuro, atLeast: PicoEuro): Promise<void> {
    const { source, context, store, amount, now } = this.#options
    if (source === undefined) {
      throw new HanseError('HANSE_AUTHORIZATION_REQUIRED', 'no settlement service is configured')
    }
    const needed = cost > atLeast ? cost : atLeast
    const signed = await source
      .requestAuthorization(provider, amount > needed ? amount : needed)
      .catch((error: unknown) => {
        // What is left of a budget, or of a trial, may cover this session where it does not cover the usual amount.
        if (amount <= needed || !isShort(error)) throw error
        return source.requestAuthorization(provider, needed)
      })
    const authorization = openSigned(context, spendAuthorization, signed, authorizationSigners)
    const { limit, notAfter, provider: named } = authorization.value
    if (named !== provider || limit < cost || limit < atLeast || notAfter <= now()) {
      throw new HanseError(
        'HANSE_AUTHORIZATION_INVALID',
        'settlement answered with another authorization',
      )
    }
    store.putAuthorization(authorization)
    this.#held.set(provider, { authorization, reserved: 0n })
  }
}

function isShort(error: unknown): boolean {
  return error instanceof HanseError && SHORT.has(error.code)
}
