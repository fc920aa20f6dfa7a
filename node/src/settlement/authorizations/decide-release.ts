import { type PicoEuro, picoEuro } from '@hanse/protocol'

/** An authorization that sessions were served under, as its provider sees it. */
export interface ReleaseFacts {
  readonly now: number
  readonly notAfter: number
  readonly revoked: boolean
  /** When a session under it last began or ended, or an order came, ms since 1970. */
  readonly lastAt: number
  /** A connection to the consumer is open. */
  readonly connected: boolean
  /** Sessions that have not ended. */
  readonly running: number
  /** Ended sessions that settlement has not answered for. */
  readonly unsettled: number
  /** Pico-euro: what the last receipts of all its sessions say, and what runs may still cost. */
  readonly earned: PicoEuro
  readonly reserved: PicoEuro
}

export interface ReleaseTerms {
  /** Without an order for this long the rest is given back, ms; 0 never for that. */
  readonly idleMs: number
}

/** Orders need longer than this to be answered: nobody can use what is left of the time. */
const USELESS_MS = 60_000
/** A consumer that is not connected may just be moving from one network to another. */
const GONE_MS = 2 * 60_000

/**
 * Whether to give up what is left of an authorization, and the most that is ever claimed under it then: all that both
 * sides have signed for. Never while something runs or is on its way to settlement, which may still change what that is.
 */
export function decideRelease(
  { now, notAfter, revoked, lastAt, connected, running, unsettled, earned, reserved }: ReleaseFacts,
  { idleMs }: ReleaseTerms,
): { readonly claims: PicoEuro } | undefined {
  if (running > 0 || unsettled > 0 || reserved > 0n) return undefined
  const idle = now - lastAt
  const isIdle = idleMs > 0 && idle >= (connected ? idleMs : Math.min(idleMs, GONE_MS))
  const isOver = revoked || notAfter - now < USELESS_MS
  return isOver || isIdle ? { claims: picoEuro(earned) } : undefined
}
