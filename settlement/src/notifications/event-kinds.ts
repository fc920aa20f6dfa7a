import type { Severity } from './event.ts'

interface Kind {
  readonly severity: Severity
  /** One line of what happened, before the subject. */
  readonly title: string
  /** Operators are told, not organizations. */
  readonly isPlatform?: true
  /**
   * Also told to an organization that has had the processing of its data restricted: of claims and duties, and of what
   * protects it (GDPR, Article 18(2)).
   */
  readonly whileRestricted?: true
}

/** Everything that can be told, with how much it matters by itself. Names are those of Standard Webhooks: dots between words. */
export const EVENT_KINDS = {
  'budget.threshold': kind('warning', 'A budget has reached a threshold'),
  'budget.exhausted': kind('urgent', 'A budget is used up'),
  'forecast.over_budget': kind('warning', 'Spend is expected to exceed a budget'),
  'spend.anomaly': kind('warning', 'Spend is unusual'),
  'residency.violated': always('urgent', 'Work left the region that was asked for'),
  'receipt.contradiction': always('urgent', 'Both sides signed two receipts that contradict'),
  'rate_card.stale': kind('info', 'A rate card is out of date'),
  'export.failed': kind('warning', 'A file could not be made or delivered'),
  'import.failed': kind('warning', 'Usage could not be imported'),
  'top_up.declined': kind('warning', 'An automatic top-up was declined'),
  'top_up.stopped': kind('urgent', 'Automatic top-up has stopped'),
  'top_up.capped': kind('warning', 'Automatic top-up has reached its monthly limit'),
  'dispute.opened': always('urgent', 'A payment is disputed'),
  'refund.failed': always('warning', 'A refund came back'),
  'plan.past_due': always('warning', 'A plan is not paid'),
  'plan.ended': always('warning', 'A plan has ended'),
  'document.issued': always('info', 'A document was issued'),
  'member.invited': kind('info', 'Somebody was invited'),
  'member.joined': kind('info', 'Somebody has joined'),
  'key.expiring': kind('warning', 'An API key expires soon'),
  'sla.missed': kind('warning', 'A service level was missed'),
  'sla.credited': kind('info', 'A missed service level was credited'),
  'channel.disabled': kind('warning', 'A notification channel was switched off'),
  'channel.test': kind('info', 'This is a test'),
  'payout.failed': platform('urgent', 'A payout was refused'),
  'payout.held': platform('warning', 'Payouts to a provider are on hold'),
  'reconciliation.difference': platform('urgent', 'Books and Stripe differ'),
  'month.waiting': platform('warning', 'A month is over and not closed'),
  'rights.due': platform('warning', 'A request about data is due soon'),
  'rights.deletion_due': platform(
    'warning',
    'A node has not said that it erased what it was asked to',
  ),
  'breach.detected': platform('urgent', 'A breach of personal data was recorded'),
  'breach.clock': platform('urgent', 'The 72 hours of a breach run'),
  'breach.overdue': platform('urgent', 'The 72 hours of a breach are over'),
} as const satisfies Record<string, Kind>

export type EventKind = keyof typeof EVENT_KINDS

export const EVENT_KIND_NAMES = Object.keys(EVENT_KINDS) as [EventKind, ...EventKind[]]

export const kindOf = (name: EventKind): Kind => EVENT_KINDS[name]

export const isEventKind = (name: string): name is EventKind => Object.hasOwn(EVENT_KINDS, name)

export const TOLD_WHILE_RESTRICTED: readonly EventKind[] = EVENT_KIND_NAMES.filter(
  (name) => kindOf(name).whileRestricted === true,
)

export const toldWhileRestricted = (name: EventKind): boolean =>
  TOLD_WHILE_RESTRICTED.includes(name)

function kind(severity: Severity, title: string): Kind {
  return { severity, title }
}

function always(severity: Severity, title: string): Kind {
  return { severity, title, whileRestricted: true }
}

function platform(severity: Severity, title: string): Kind {
  return { severity, title, isPlatform: true }
}
