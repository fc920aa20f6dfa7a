import { type PicoEuro, picoEuro } from '../money.ts'

/**
 * What a provider remembers of a payer that did not countersign all that it was sent. A window bounds each loss; this bounds
 * how many of them there are.
 */
export interface PayerRecord {
  /** How often, as far back as is remembered; losses that come together count once. */
  readonly defaults: number
  /** When the last was, ms since 1970. */
  readonly lastAt: number
  /** What is still to be countersigned before the payer gets the window of a stranger again, pico-euro. */
  readonly owed: PicoEuro
}

/** What a payer may have now. */
export type PayerStanding =
  /** The opening window that everybody gets. */
  | { readonly type: 'stranger' }
  /** The prompt is paid for before the first token, and the window is the least with which a session moves. */
  | { readonly type: 'prepaid' }
  /** Nothing, for so long. */
  | { readonly type: 'refused'; readonly retryAfterMs: number }

export const PAYER_LIMITS = {
  /** A connection that breaks cuts all sessions on it: one mishap, that shows within the time that a countersignature has. */
  togetherMs: 30_000,
  /** An honest payer comes back sooner, and a cheat that waits so long has one window a month. */
  forgetMs: 30 * 86_400_000,
  /** Of the first default twice is owed, of the next four times, and so on up to this. */
  timesMax: 64n,
  /** As many defaults that are not made good are no mishap any more… */
  refusedFrom: 3,
  /** …and are answered with a wait that doubles with each. */
  refusedMs: 60_000,
  refusedMsMax: 86_400_000,
} as const

const STRANGER: PayerStanding = { type: 'stranger' }

/** After a session in which `unpaid` was sent and not countersigned. */
export function afterDefault(
  record: PayerRecord | undefined,
  unpaid: PicoEuro,
  now: number,
): PayerRecord {
  const known = isForgotten(record, now) ? undefined : record
  const { defaults = 0, lastAt = now, owed = 0n } = known ?? {}
  const together = defaults > 0 && now - lastAt < PAYER_LIMITS.togetherMs
  const count = together ? defaults : defaults + 1
  return {
    defaults: count,
    // Of losses that come together the first begins the time: no row of them goes on for ever.
    lastAt: together ? lastAt : now,
    owed: picoEuro(owed + unpaid * timesOf(count)),
  }
}

/** After a session in which `paid` was countersigned. What it was once remembered for stays so until it is forgotten. */
export function afterPayment(record: PayerRecord, paid: PicoEuro): PayerRecord {
  return { ...record, owed: picoEuro(paid < record.owed ? record.owed - paid : 0n) }
}

export function standingOf(record: PayerRecord | undefined, now: number): PayerStanding {
  if (record === undefined || isForgotten(record, now) || record.owed === 0n) return STRANGER
  const retryAfterMs = record.lastAt + refusedMs(record.defaults) - now
  return retryAfterMs > 0 ? { type: 'refused', retryAfterMs } : { type: 'prepaid' }
}

/** Of what is known of several who stand for the same payment. */
export function strictestOf(standings: readonly PayerStanding[]): PayerStanding {
  const waits = standings.flatMap((one) => (one.type === 'refused' ? [one.retryAfterMs] : []))
  if (waits.length > 0) return { type: 'refused', retryAfterMs: Math.max(...waits) }
  return standings.find(({ type }) => type === 'prepaid') ?? STRANGER
}

/** Whether a record says nothing any more. */
export function isForgotten(record: PayerRecord | undefined, now: number): boolean {
  return record === undefined || record.lastAt <= now - PAYER_LIMITS.forgetMs
}

function timesOf(defaults: number): bigint {
  const times = 1n << BigInt(Math.min(defaults, 32))
  return times < PAYER_LIMITS.timesMax ? times : PAYER_LIMITS.timesMax
}

function refusedMs(defaults: number): number {
  const { refusedFrom, refusedMs: first, refusedMsMax } = PAYER_LIMITS
  if (defaults < refusedFrom) return 0
  return Math.min(refusedMsMax, first * 2 ** Math.min(defaults - refusedFrom, 32))
}
