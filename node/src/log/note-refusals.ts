import type { HanseError, Order, Residency } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { PlaceRefused } from '../consumer/recipient-check.ts'
import { type UnreachedReason, unreachedText } from '../network/why-unreached.ts'
import type { AuditLog } from './audit-log.ts'

export interface RefusalNotesOptions {
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  readonly now: () => number
}

/** Each request meets the same peers again: what has been noted of one is noted again in an hour. */
const AGAIN_MS = 60 * 60_000
/** Some 100 bytes each; beyond as many, the one that was noted first is forgotten. */
const NOTED_MAX = 1_000
/** Peer ids cost nothing, and each entry stays for good: whoever makes new ones gets no more than this into the log. */
const EACH_MINUTE_MAX = 60

/** Writes into a consumer's audit log which providers got no prompt for their place, and why. */
export function refusalsNote(
  audit: Pick<AuditLog, 'noteOf'> | undefined,
  { log, now }: RefusalNotesOptions,
): (refused: PlaceRefused) => void {
  const noted = new Noted()
  return ({ place, provider, country, reason, message, policy }) => {
    // On the way to be sent a prompt, each is a request of this node's own that was stopped.
    if (place === 'discovery' && !noted.take(`${provider} ${reason}`, now())) return
    log.warn({ provider, country, place, reason }, `no prompt leaves: ${message}`)
    audit?.noteOf(provider, { kind: 'residency', role: 'consumer', place, reason, country, policy })
  }
}

/** The same of providers that were found and could not be asked for their offer: where they say they are is not known. */
export const unreachedNote =
  (note: (refused: PlaceRefused) => void, { allow, minLevel, evidence }: Residency) =>
  (provider: string, reason: UnreachedReason): void =>
    note({
      place: 'discovery',
      provider,
      country: '',
      reason,
      message: unreachedText(provider, reason),
      policy: { allow, minLevel, ...(evidence !== undefined && { evidence }) },
    })

/** Writes into a provider's audit log whose orders ask for another place than it can show to be in. */
export function misplacedNote(
  audit: Pick<AuditLog, 'noteOf'> | undefined,
  country: string,
  { log, now }: RefusalNotesOptions,
): (order: Pick<Order, 'consumer' | 'residency'>, error: HanseError) => void {
  const noted = new Noted()
  const facts = { kind: 'residency', role: 'provider', place: 'provider', country } as const
  return ({ consumer, residency: policy }, { code, message }) => {
    if (!noted.take(consumer, now())) return
    log.warn({ consumer, code }, `an order is turned away: ${message}`)
    audit?.noteOf(consumer, { ...facts, reason: 'unproven', policy })
  }
}

/** What strangers can cause to be written: the same once an hour, and of everything some a minute. */
class Noted {
  readonly #last = new Map<string, number>()
  #minute = 0
  #inMinute = 0

  take(key: string, now: number): boolean {
    const last = this.#last.get(key)
    if (last !== undefined && now - last < AGAIN_MS) return false
    const minute = Math.floor(now / 60_000)
    if (minute !== this.#minute) this.#inMinute = 0
    this.#minute = minute
    if (this.#inMinute >= EACH_MINUTE_MAX) return false
    this.#inMinute++
    this.#last.delete(key)
    this.#last.set(key, now)
    const [first] = this.#last.keys()
    if (this.#last.size > NOTED_MAX && first !== undefined) this.#last.delete(first)
    return true
  }
}
