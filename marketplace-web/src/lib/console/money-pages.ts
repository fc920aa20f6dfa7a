import { m } from '#lib/i18n.ts'
import type { ConsoleGroup } from './pages.ts'

const needs = 'look-at-money'

export const moneyGroups: readonly ConsoleGroup[] = [
  {
    name: m.console_group_today,
    pages: [
      { href: '/console', name: m.console_overview },
      { href: '/console/month', name: m.console_month, needs },
    ],
  },
  {
    name: m.console_group_money,
    pages: [
      { href: '/console/payouts', name: m.console_payouts, needs },
      { href: '/console/reconciliation', name: m.console_reconciliation, needs },
      { href: '/console/adjustments', name: m.console_adjustments, needs },
      { href: '/console/disputes', name: m.console_disputes },
      { href: '/console/documents', name: m.console_documents },
    ],
  },
]
