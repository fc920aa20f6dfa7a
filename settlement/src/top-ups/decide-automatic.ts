/** When and with how much an organization's balance is filled up by itself. */
export interface AutomaticSettings {
  readonly enabled: boolean
  /** Charged when what is available and on its way falls below it. */
  readonly thresholdCents: bigint
  /** VAT included. */
  readonly cents: bigint
  /** Charged at most in one calendar month (UTC), VAT included. */
  readonly monthlyCents: bigint
  /** Declines in a row. */
  readonly failures: number
  /** Milliseconds since 1970. */
  readonly pausedUntil: number | null
}

export interface AutomaticFacts {
  /** Of the balance, and net of top-ups whose outcome is open: a shortage that is being met is none. */
  readonly availableCents: bigint
  readonly pendingCents: bigint
  /** Charged automatically this month, open charges included. */
  readonly monthCents: bigint
  readonly now: number
}

export type AutomaticDecision = 'charge' | 'enough' | 'off' | 'paused' | 'capped'

export function decideAutomatic(
  settings: AutomaticSettings,
  facts: AutomaticFacts,
): AutomaticDecision {
  if (!settings.enabled) return 'off'
  if (facts.availableCents + facts.pendingCents >= settings.thresholdCents) return 'enough'
  if (settings.pausedUntil !== null && facts.now < settings.pausedUntil) return 'paused'
  return facts.monthCents + settings.cents > settings.monthlyCents ? 'capped' : 'charge'
}

const HOUR_MS = 3_600_000
/** Card networks fine merchants who try a declined card often. */
const PAUSES_MS = [HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS, 72 * HOUR_MS] as const

/** What becomes of the settings after a decline: a pause that grows, and in the end they are switched off. */
export function afterDecline(
  { failures }: Pick<AutomaticSettings, 'failures'>,
  now: number,
): { failures: number; enabled: boolean; pausedUntil: number | null } {
  const pause = PAUSES_MS[failures]
  return {
    failures: failures + 1,
    enabled: pause !== undefined,
    pausedUntil: pause === undefined ? null : now + pause,
  }
}

/** The first moment of a month, UTC. */
export function monthStart(now: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
}
