import { setTimeout as delay } from 'node:timers/promises'
import type { SigningContext } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { AuthorizationEnds } from '../../store/authorization-ends.ts'
import type { SettlementClient } from '../settlement-client.ts'
import { acceptRevocations } from './accept-revocations.ts'

export interface RevocationWatchOptions {
  readonly context: SigningContext
  readonly settlement: Pick<SettlementClient, 'revokedSince'>
  readonly store: AuthorizationEnds
  /** Whose authorizations are honoured; `undefined` until that is known. */
  readonly issuer: () => string | undefined
  readonly log: FastifyBaseLogger
  readonly now: () => number
  /** From 0 to below 1. */
  readonly random: () => number
}

/** What this provider knows of revocations, for its owner. */
export interface RevocationStatus {
  /** Authorizations that take no new orders, and may not have expired yet. */
  readonly known: number
  /** When the last list was signed, ms since 1970; 0 before the first. */
  readonly at: number
  /** Why the last try brought no list; empty when it did. */
  readonly fault: string
}

/** Settlement signs a new list once a minute. */
const POLL_MS = 60_000
/** Of that, so that providers that started together do not ask together. */
const JITTER = 0.2
/** A settlement that is away is asked after one minute, two, four, …, at most this. */
const POLL_MS_MAX = 15 * 60_000
/** Lists of 800; what is left after as many is read a minute later. */
const LISTS_MAX = 100

/** Reads settlement's revocations, again and again: the last list that could be read is kept, also over a restart. */
export class RevocationWatch implements AsyncDisposable {
  readonly #options: RevocationWatchOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #fault = ''
  #failures = 0

  constructor(options: RevocationWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#running ??= this.#keep()
  }

  status(): RevocationStatus {
    const { issuer, store } = this.#options
    const { known, at } = store.revocations(issuer() ?? store.lastIssuer() ?? '')
    return { known, at, fault: this.#fault }
  }

  /** Reads what there is now; never rejects. */
  async poll(): Promise<void> {
    try {
      await this.#read()
      this.#fault = ''
      this.#failures = 0
    } catch (error) {
      this.#failures++
      this.#fault = error instanceof Error ? error.message : String(error)
      if (!this.#stopping.signal.aborted)
        this.#options.log.warn(
          { cause: this.#fault },
          'revocations cannot be read; the last list holds',
        )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      if (this.#options.issuer() !== undefined) await this.poll()
      const waits = pollDelay(this.#failures, this.#options.random())
      const wait = this.#options.issuer() === undefined ? ISSUER_MS : waits
      await delay(wait, undefined, { signal, ref: false }).catch(() => {})
    }
  }

  async #read(): Promise<void> {
    const { context, settlement, store, issuer, log, now } = this.#options
    const from = issuer()
    if (from === undefined) return
    for (let lists = 0; lists < LISTS_MAX; lists++) {
      const { until: since, at: lastAt } = store.revocations(from)
      const { list, more } = await settlement.revokedSince(since)
      const accepted = acceptRevocations(context, list, { issuer: from, since, lastAt })
      store.addRevocations(accepted, now())
      const { length } = accepted.serials
      if (length > 0) log.info({ authorizations: length }, 'authorizations were revoked')
      if (!more || accepted.until === since) return
    }
  }
}

/** Who settlement is, is asked elsewhere every few seconds. */
const ISSUER_MS = 1_000

/**
 * @param failures in a row
 * @param random from 0 to below 1
 * @returns ms until settlement is asked again
 */
export function pollDelay(failures: number, random: number): number {
  const base = Math.min(POLL_MS_MAX, POLL_MS * 2 ** Math.min(Math.max(0, failures - 1), 10))
  return Math.round(base * (1 - JITTER / 2 + JITTER * random))
}
