export const CHANNEL_KINDS = ['email', 'webhook', 'slack'] as const
export type ChannelKind = (typeof CHANNEL_KINDS)[number]

/** Where messages go, as its owner may see it. */
export interface Channel {
  readonly id: string
  readonly kind: ChannelKind
  readonly name: string
  /** Enough of the address to know it by; a Slack address is a secret. */
  readonly hint: string
  /** `unconfirmed`: nothing is sent before whoever reads the mailbox agrees. */
  readonly state: 'unconfirmed' | 'active' | 'disabled'
  /** Why it is disabled. */
  readonly reason: string | null
  /** Messages that were given up since the last one arrived. */
  readonly failures: number
  /** Messages in any hour, at most; more wait. */
  readonly hourlyMax: number
  readonly createdBy: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** What is sealed. */
export interface Target {
  /** A mail address, or a URL. */
  readonly address: string
  /** Signs webhooks, `whsec_…`; of a mailbox, the links in its mails. */
  readonly secret: string
  /** The secret before it was rotated, while both sign. */
  readonly formerSecret?: string
  /** Until when, milliseconds since 1970. */
  readonly formerUntil?: number
}

/** A channel with its secrets: never leaves the process. */
export interface OpenChannel extends Channel {
  readonly owner: string | null
  readonly target: Target
}

/** So many messages in a row were given up, each after a day of tries: nobody is there. */
export const FAILURES_MAX = 5
/** A person reads one a minute; what is more belongs into a digest. */
export const HOURLY_DEFAULT = 60
export const HOURLY_MAX = 3_600
/** Far more than an organization has teams. */
export const CHANNELS_MAX = 50
export const SUBSCRIPTIONS_MAX = 20
/** Long enough to change a secret everywhere without hurry. */
export const FORMER_SECRET_MS = 24 * 3_600_000

/** Enough to know an address by. */
export function hintOf(kind: ChannelKind, address: string): string {
  if (kind === 'slack') return new URL(address).host
  if (kind === 'webhook') {
    const { origin, pathname } = new URL(address)
    return `${origin}${pathname}`
  }
  const [name = '', domain = ''] = address.split('@')
  return `${name.slice(0, 1)}…@${domain}`
}
