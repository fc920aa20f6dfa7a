import { m } from '#lib/i18n.ts'
import type { Basis } from './queries.ts'

/** In the order in which most will look for theirs. */
export const basisNames = {
  contract: m.basis_contract,
  consent: m.basis_consent,
  'legitimate-interests': m.basis_legitimate,
  'legal-obligation': m.basis_legal,
  'public-task': m.basis_public,
  'vital-interests': m.basis_vital,
} satisfies Record<Basis, () => string>
