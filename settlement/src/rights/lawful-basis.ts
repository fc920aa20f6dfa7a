/** GDPR, Article 6(1), a to f: the words that gateways use, too. */
export const BASES = [
  'consent',
  'contract',
  'legal-obligation',
  'vital-interests',
  'public-task',
  'legitimate-interests',
] as const
export type Basis = (typeof BASES)[number]

/** What organizations have their data processed for here; a gateway has the first of them, too. */
export const BASIS_PURPOSES = ['inference'] as const
export type BasisPurpose = (typeof BASIS_PURPOSES)[number]

/** Changes with the text; a basis that was stated to another version has to be stated anew. */
export const BASIS_VERSION = '2026-11'

/** What an organization states a lawful basis for. */
export const BASIS_TEXT = `
Purpose "inference", version ${BASIS_VERSION}

This service promises an organization's money to inference providers and books what they did for it.

What is processed  Who of the organization asked for a promise, with which key, team and tags; which provider served which model, when,
                   with how many tokens and at what price. No prompt and no answer: those go from gateway to provider.
Who receives it    The provider of a session learns the gateway's peer id; the payment service, what payments need.
Where              In the European Union, and at providers in the countries that the organization's policy allows.
How long           As long as the settings of retention say; books, invoices and their evidence, as long as accounting needs.
What is recorded   Each session, each statement or withdrawal of a basis, each request about data and each erasure, as salted
                   commitments in the service's log, sealed with a key of the organization.

The basis is yours to state, as the controller (GDPR, Articles 6 and 7). Withdrawing it stops processing at once.
`.trim()

export interface BasisRecord {
  readonly purpose: BasisPurpose
  readonly basis: Basis
  readonly version: string
  readonly givenBy: string
  /** Milliseconds since 1970. */
  readonly givenAt: number
  readonly withdrawnBy: string | null
  readonly withdrawnAt: number | null
}

/** Why nothing may be processed, where that is so. @param last the newest that was stated for the purpose */
export function lackOfBasis(
  last: Pick<BasisRecord, 'version' | 'withdrawnAt'> | undefined,
): string | undefined {
  if (last === undefined) return 'no lawful basis for processing was stated'
  if (last.withdrawnAt !== null) {
    return `the lawful basis was withdrawn at ${new Date(last.withdrawnAt).toISOString()}`
  }
  if (last.version === BASIS_VERSION) return undefined
  return `the lawful basis was stated to version ${last.version} of the text, which is now ${BASIS_VERSION}`
}
