import { m } from '#lib/i18n.ts'
import type { ConsoleGroup } from './pages.ts'

export const trustGroups: readonly ConsoleGroup[] = [
  {
    name: m.ops_group_evidence,
    pages: [
      { href: '/console/ledger', name: m.ops_ledger, needs: 'look-at-money' },
      { href: '/console/receipts', name: m.ops_receipts },
      { href: '/console/log', name: m.ops_log },
      { href: '/console/events', name: m.ops_events },
    ],
  },
  {
    name: m.ops_group_parties,
    pages: [
      { href: '/console/providers', name: m.ops_providers },
      { href: '/console/organizations', name: m.ops_organizations },
    ],
  },
  {
    name: m.ops_group_duties,
    pages: [
      { href: '/console/rights', name: m.ops_rights },
      { href: '/console/breaches', name: m.ops_breaches },
      { href: '/console/system', name: m.ops_system },
      { href: '/console/metrics', name: m.metrics_title },
    ],
  },
]
