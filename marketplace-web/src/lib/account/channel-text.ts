import { m } from '#lib/i18n.ts'
import type { Channel } from './queries.ts'

export const kindNames = {
  email: m.channel_email,
  webhook: m.channel_webhook,
  slack: m.channel_slack,
} satisfies Record<Channel['kind'], () => string>

export const stateNames = {
  unconfirmed: m.channel_unconfirmed,
  active: m.channel_active,
  disabled: m.channel_disabled,
} satisfies Record<Channel['state'], () => string>

type Subscription = Channel['subscriptions'][number]
export const severityNames = {
  info: m.channel_all,
  warning: m.channel_warnings,
  urgent: m.channel_urgent,
} satisfies Record<Subscription['severity'], () => string>

export const paceNames = {
  immediately: m.pace_immediately,
  hourly: m.pace_hourly,
  daily: m.pace_daily,
} satisfies Record<Subscription['pace'], () => string>

/** What a channel is told of, and how: "warnings and what is urgent, at once, not from 22:00 to 07:00". */
export function toldText({ subscriptions }: Channel): string {
  if (subscriptions.length === 0) return m.channel_nothing()
  return subscriptions
    .map(({ severity, kinds, pace, quiet }) => {
      const what = kinds.length === 0 ? severityNames[severity]() : kinds.join(', ')
      const told = `${what}, ${paceNames[pace]()}`
      return quiet === null ? told : `${told}, ${m.quiet_between(quiet)}`
    })
    .join('; ')
}
