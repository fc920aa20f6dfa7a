import { m } from '#lib/i18n.ts'
import type { Provider } from '../trust-queries.ts'

/** What a provider waits for, or what is withheld from it. */
export const concernNames = {
  unattested: m.ops_concern_unattested,
  unpayable: m.ops_concern_unpayable,
  'trader-review': m.ops_concern_trader,
  blocked: m.ops_concern_blocked,
  suspended: m.ops_concern_suspended,
} as const satisfies Record<Provider['concerns'][number], () => string>
