import { m } from '#lib/i18n.ts'
import type { Permission } from './roles.ts'

type Page = {
  readonly href: string
  readonly name: () => string
  readonly needs?: Permission
  /** There in EU mode alone. */
  readonly audited?: true
}
type Group = { readonly name: () => string; readonly pages: readonly Page[] }

/** What the navigation of an account has. */
export const groups: readonly Group[] = [
  {
    name: m.nav_group_spend,
    pages: [
      { href: '/account', name: m.nav_overview },
      { href: '/account/usage', name: m.nav_usage },
      { href: '/account/receipts', name: m.nav_receipts },
      { href: '/account/service', name: m.nav_service },
      { href: '/account/budgets', name: m.nav_budgets },
      { href: '/account/forecast', name: m.nav_forecast },
      { href: '/account/exports', name: m.nav_exports },
    ],
  },
  {
    name: m.nav_group_money,
    pages: [{ href: '/account/billing', name: m.nav_billing }],
  },
  {
    name: m.nav_group_access,
    pages: [
      { href: '/account/keys', name: m.nav_keys, needs: 'keys:read' },
      { href: '/account/members', name: m.nav_members, needs: 'members:read' },
      { href: '/account/security', name: m.nav_security },
      { href: '/account/sso', name: m.nav_sso, needs: 'settings:read' },
      { href: '/account/notifications', name: m.nav_notifications },
    ],
  },
  {
    name: m.nav_group_data,
    pages: [
      { href: '/account/audit', name: m.nav_audit, needs: 'audit:read', audited: true },
      {
        href: '/account/data-protection',
        name: m.nav_data_protection,
        needs: 'settings:read',
        audited: true,
      },
      { href: '/account/my-data', name: m.nav_my_data, audited: true },
    ],
  },
]
