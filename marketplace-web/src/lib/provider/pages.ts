import { m } from '#lib/i18n.ts'

type Page = { readonly href: string; readonly name: () => string }
type Group = { readonly name: () => string; readonly pages: readonly Page[] }

/** What the navigation of a provider has. */
export const groups: readonly Group[] = [
  {
    name: m.nodes_group_machine,
    pages: [
      { href: '/provider', name: m.nav_overview },
      { href: '/provider/prices', name: m.nodes_prices },
      { href: '/provider/service', name: m.nodes_service },
      { href: '/provider/location', name: m.nodes_location },
    ],
  },
  {
    name: m.nodes_group_money,
    pages: [
      { href: '/provider/earnings', name: m.nodes_earnings },
      { href: '/provider/payouts', name: m.nodes_payouts },
      { href: '/provider/documents', name: m.nodes_documents },
      { href: '/provider/details', name: m.nodes_details },
    ],
  },
]
