import {
  type AuthorizationRelease,
  authorizationRelease,
  cidOf,
  HanseError,
  type Named,
  type PeerId,
  type PicoEuro,
  type Signer,
  type SigningContext,
  type SpendAuthorization,
  signRecord,
  spendAuthorization,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { CID } from 'multiformats/cid'
import type { NodeStore } from '../../store/node-store.ts'
import type { SettlementClient } from '../settlement-client.ts'
import { decideRelease } from './decide-release.ts'

export interface ReleaseDeskOptions {
  readonly context: SigningContext & { readonly signer: Signer }
  readonly store: Pick<NodeStore, 'ends' | 'spentUnder'>
  readonly settlement: Pick<SettlementClient, 'release'>
  /** Whose authorizations are honoured; `undefined` until that is known. */
  readonly issuer: () => PeerId | undefined
  /** Whether a connection to this peer is open. */
  readonly isConnected: (peer: string) => boolean
  /** What running sessions may still spend under an authorization, pico-euro. */
  readonly reserved: (authorization: string) => PicoEuro
  /** Without an order for this long the rest is given back, ms; 0 never for that. */
  readonly idleMs: number
  readonly log: FastifyBaseLogger
  readonly now: () => number
}

interface Used {
  readonly value: SpendAuthorization
  lastAt: number
}

/** Holds wait for minutes; half of one more or less does not matter. */
const ROUND_MS = 30_000
/** After a restart: authorizations last an hour by default, and the rest of their hold comes free a day later by itself. */
const LOOK_BACK_MS = 2 * 86_400_000
/** Told in one round; each is a request. */
const TOLD_MAX = 100

/**
 * Gives back what consumers will not spend with this provider, before their authorizations expire. What is given back is
 * written down first, so that no order is taken under it any more, and then told until settlement has it.
 */
export class ReleaseDesk implements AsyncDisposable {
  readonly #options: ReleaseDeskOptions
  readonly #used = new Map<string, Used>()
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> | undefined

  constructor(options: ReleaseDeskOptions) {
    this.#options = options
    const { store, now } = options
    for (const { authorization, lastAt } of store.ends.usedSince(now() - LOOK_BACK_MS)) {
      const value = spendAuthorization.decode(authorization.bytes)
      this.#used.set(cidOf(authorization.bytes).toString(), { value, lastAt })
    }
    this.#timer = setInterval(() => void this.flush(), ROUND_MS)
    this.#timer.unref()
  }

  /** An order came under an authorization, or a session under it has begun. */
  touch({ cid, value }: Named<SpendAuthorization>): void {
    const lastAt = this.#options.now()
    const used = this.#used.get(cid.toString())
    if (used === undefined) this.#used.set(cid.toString(), { value, lastAt })
    else used.lastAt = lastAt
  }

  /** Releases what can be released now, and tells settlement; never rejects. */
  async flush(): Promise<void> {
    this.#running ??= this.#round()
      // The store, on a full disk: nothing was told of that is not written down.
      .catch((cause: unknown) =>
        this.#options.log.warn(
          { cause: cause instanceof Error ? cause.message : '' },
          'unspent authorizations cannot be given back now',
        ),
      )
      .finally(() => {
        this.#running = undefined
      })
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }

  async #round(): Promise<void> {
    const issuer = this.#options.issuer()
    if (issuer === undefined) return
    for (const [cid, used] of this.#used) if (used.value.issuer === issuer) this.#decide(cid, used)
    await this.#tell(issuer)
  }

  /** Nothing waits between looking and writing down, so no order can come between. */
  #decide(cid: string, used: Used): void {
    const { value } = used
    const { context, store, isConnected, reserved, idleMs, log, now } = this.#options
    const { issuer, consumer, provider, notAfter, serial } = value
    if (notAfter + LOOK_BACK_MS < now()) {
      this.#used.delete(cid)
      return
    }
    const use = store.ends.use(cid)
    if (use.running > 0) used.lastAt = now()
    const decided = decideRelease(
      {
        now: now(),
        notAfter,
        revoked: store.ends.isRevoked(issuer, serial),
        lastAt: used.lastAt,
        connected: isConnected(consumer),
        ...use,
        earned: store.spentUnder(cid),
        reserved: reserved(cid),
      },
      { idleMs },
    )
    if (decided === undefined) return
    const release: AuthorizationRelease = {
      settlement: issuer,
      provider,
      authorization: CID.parse(cid),
      claims: decided.claims,
      at: now(),
    }
    const signed = signRecord(context, authorizationRelease, release, 'provider', context.signer)
    store.ends.release(signed, signed)
    this.#used.delete(cid)
    log.info(
      { authorization: cid, claims: `${decided.claims}` },
      'unspent authorization given back',
    )
  }

  async #tell(issuer: PeerId): Promise<void> {
    const { store, settlement, log, now } = this.#options
    for (const { authorization, signed } of store.ends.untold(issuer, TOLD_MAX)) {
      try {
        await settlement.release(signed)
        store.ends.told(authorization, now())
      } catch (error) {
        if (!(error instanceof HanseError)) throw error
        // Told again in the next round: settlement takes it once.
        if (error.code === 'HANSE_SETTLEMENT_UNAVAILABLE' || error.code === 'HANSE_RATE_LIMITED')
          return
        store.ends.refused(authorization, error.code)
        log.warn({ authorization, code: error.code }, 'settlement will not have a release')
      }
    }
  }
}
